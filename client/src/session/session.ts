import { createContext, useContext } from 'react';
import type { SiteConfig } from '../api/types';

/** Who uses the page, and how they sign in and out. */
export interface Session {
  /** The site as it tells itself to this caller. */
  config: SiteConfig;
  /** `none`: this site has no sign-in. */
  state: 'none' | 'signed-out' | 'signed-in';
  /** Their name at this site; null where anybody may act for anyone. */
  username: string | null;
  isOperator: boolean;
  /** Why signing in did not work, if it was tried. */
  problem: string | null;
  signIn: () => void;
  signOut: () => void;
}

export const SessionContext = createContext<Session | null>(null);

/** The session; only below its provider. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('There is no session here');
  return session;
}
