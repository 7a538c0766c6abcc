import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { UserManager } from 'oidc-client-ts';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { asProblem } from '../api/problem';
import { setToken, whenTokenRefused } from '../api/token';
import type { SiteConfig } from '../api/types';
import { PAGE_PATH } from '../config/base';
import { siteQuery } from '../api/site';
import { type Session, SessionContext } from './session';

interface Props {
  /** Shown until the site is known. */
  fallback: (error: unknown) => ReactNode;
  children: ReactNode;
}

/** Finds out what the site is like and who uses it. With sign-in, the site is asked again as soon as there is a token. */
export function SessionProvider({ fallback, children }: Props) {
  const site = useQuery(siteQuery);
  if (!site.data) return fallback(site.error);
  if (site.data.auth.mode === 'none') return <OpenSite config={site.data}>{children}</OpenSite>;
  return <SignedInSite config={site.data}>{children}</SignedInSite>;
}

function OpenSite({ config, children }: { config: SiteConfig; children: ReactNode }) {
  const session = useMemo<Session>(() => {
    const nothing = () => undefined;
    return {
      config,
      state: 'none',
      username: null,
      isOperator: true,
      problem: null,
      signIn: nothing,
      signOut: nothing,
    };
  }, [config]);
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}

function SignedInSite({ config, children }: { config: SiteConfig; children: ReactNode }) {
  const queries = useQueryClient();
  /** Its code comes after the page: who clicks before that is sent on when it is there. */
  const manager = useRef<Promise<UserManager>>(null);
  const [hasToken, setHasToken] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const tell = useCallback((error: unknown) => setProblem(asProblem(error).message), []);
  const took = useCallback(
    (token: string | null) => {
      setToken(token);
      setHasToken(token !== null);
      void queries.invalidateQueries();
    },
    [queries],
  );

  useEffect(() => {
    let isGone = false;
    const code = import('./sign-in');
    const coming = code.then(({ makeUserManager }) => makeUserManager(config.auth));
    manager.current = coming;
    const begin = async () => {
      const made = await coming;
      const { RETURN_PATH, viewOf } = await code;
      if (isGone) return;
      made.events.addUserLoaded((user) => took(user.access_token));
      made.events.addAccessTokenExpired(() => took(null));
      made.events.addSilentRenewError(() => undefined);
      if (window.location.pathname !== RETURN_PATH) return;
      const user = await made.signinCallback();
      const view = user ? viewOf(user) : '/';
      window.history.replaceState(null, '', `${PAGE_PATH.replace(/\/$/, '')}${view}`);
      window.dispatchEvent(new PopStateEvent('popstate'));
    };
    begin().catch(tell);
    whenTokenRefused(() => took(null));
    return () => {
      isGone = true;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the provider does not change while the page is open
  }, [took]);

  const signIn = useCallback(() => {
    const { pathname, search } = window.location;
    const state = `/${pathname.slice(PAGE_PATH.length)}${search}`;
    manager.current?.then((own) => own.signinRedirect({ state })).catch(tell);
  }, [tell]);

  const signOut = useCallback(() => {
    took(null);
    manager.current?.then((own) => own.signoutRedirect().catch(() => own.removeUser())).catch(tell);
  }, [took, tell]);

  const session = useMemo<Session>(() => {
    const { caller } = config;
    return {
      config,
      state: hasToken ? 'signed-in' : 'signed-out',
      username: caller?.username ?? null,
      isOperator: hasToken && caller?.role === 'operator',
      problem,
      signIn,
      signOut,
    };
  }, [config, hasToken, problem, signIn, signOut]);
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}
