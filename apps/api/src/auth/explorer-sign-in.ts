import { type OpenAPIObject } from '@nestjs/swagger';
import { type Settings } from '@app/core';
import { BEARER_SCHEME } from './access.decorator';

/** How the explorer of the API signs users in. */
export interface ExplorerSignIn {
  issuer: string;
  audience: string;
  clientId: string;
  /** Where the provider sends the browser back to. */
  redirectUrl: string;
}

/** Name of the way to sign in by the provider's page, in the OpenAPI document. */
const SCHEME = 'sign_in';

/** What the settings say of that; null where no client is named. */
export function explorerSignIn(settings: Settings): ExplorerSignIn | null {
  const clientId = settings.get('OIDC_CLIENT_ID');
  if (settings.get('AUTH_MODE') === 'none' || clientId === undefined) return null;
  const base = settings.get('PUBLIC_URL') ?? `http://${settings.get('HOST')}:${settings.get('PORT')}`;
  return {
    issuer: settings.get('OIDC_ISSUER')!,
    audience: settings.get('OIDC_AUDIENCE')!,
    clientId,
    redirectUrl: `${base.replace(/\/+$/, '')}/docs/oauth2-redirect.html`,
  };
}

/** Adds to each endpoint that is not open that one can sign in by the provider, beside giving a token by hand. */
export function offerSignIn(document: OpenAPIObject, { issuer }: ExplorerSignIn): OpenAPIObject {
  const discovery = `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`;
  document.components!.securitySchemes![SCHEME] = { type: 'openIdConnect', openIdConnectUrl: discovery };
  for (const methods of Object.values(document.paths)) {
    for (const { security } of Object.values(methods as Record<string, { security?: object[] }>)) {
      if (security?.some((one) => BEARER_SCHEME in one)) security.push({ [SCHEME]: [] });
    }
  }
  return document;
}

/** The client as the explorer wants it: a public one, with PKCE. */
export function explorerClient({ clientId, audience }: ExplorerSignIn): Record<string, unknown> {
  return {
    clientId,
    scopes: ['openid', 'profile'],
    usePkceWithAuthorizationCodeGrant: true,
    // Providers differ in how they are asked for the audience (RFC 8707 is one way).
    additionalQueryStringParams: { audience, resource: audience },
  };
}
