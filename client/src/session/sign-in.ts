import { InMemoryWebStorage, type User, UserManager, WebStorageStateStore } from 'oidc-client-ts';
import type { SiteConfig } from '../api/types';
import { PAGE_PATH } from '../config/base';

/** Where the provider sends the browser back to. */
export const RETURN_PATH = `${PAGE_PATH}signed-in`;

/**
 * Signs users in at the site's OpenID provider: authorization code with PKCE (RFC 7636). Tokens are kept in memory alone;
 * only what a sign-in under way needs to be recognised by when the browser comes back is in the tab's storage.
 */
export function makeUserManager({ issuer, client_id: clientId, audience }: SiteConfig['auth']): UserManager {
  const { origin } = window.location;
  // Providers differ in how they are asked for the audience: Indigo IAM by the first, others by the second (RFC 8707).
  const audiences: Record<string, string> = audience === null ? {} : { audience, resource: audience };
  return new UserManager({
    authority: issuer!,
    client_id: clientId!,
    redirect_uri: `${origin}${RETURN_PATH}`,
    post_logout_redirect_uri: `${origin}${PAGE_PATH}`,
    response_type: 'code',
    scope: 'openid profile offline_access',
    extraQueryParams: audiences,
    extraTokenParams: audiences,
    userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    stateStore: new WebStorageStateStore({ store: window.sessionStorage }),
    automaticSilentRenew: true,
    accessTokenExpiringNotificationTimeInSeconds: 30,
    monitorSession: false,
    loadUserInfo: false,
  });
}

/** The view that a sign-in began in. */
export function viewOf(user: User): string {
  const { state } = user as { state?: unknown };
  return typeof state === 'string' && state.startsWith('/') ? state : '/';
}
