/** What somebody may do: `anyone` where the site has no sign-in, so that everybody may do everything. */
export type Role = 'anyone' | 'user' | 'service' | 'operator';

/** Who makes a request. */
export interface Caller {
  role: Role;
  /** Issuer and subject as one text; null without sign-in. */
  identity: string | null;
  /** Whose data is theirs; null for those who have none of their own, such as services. */
  username: string | null;
  /** When what they signed in with ends; null: never. */
  expiresAt: Date | null;
}

/** The caller at a site without sign-in. */
export const ANYONE: Caller = { role: 'anyone', identity: null, username: null, expiresAt: null };

/** Whether somebody may do what only operators may. */
export function isOperator({ role }: Caller): boolean {
  return role === 'operator' || role === 'anyone';
}

/** Whether somebody may ask for data in the name of a user. */
export function mayActFor(caller: Caller, username: string): boolean {
  return isOperator(caller) || caller.role === 'service' || caller.username === username;
}

/** What a secret is about: whose data it is, and who asked for it. */
export interface Owned {
  username: string;
  requestedBy: string | null;
}

/** Whether something is a caller's own: a user's own data, and for a service what it asked for itself. */
export function isOwn({ role, username, identity }: Caller, { username: of, requestedBy }: Owned): boolean {
  return role === 'service' ? identity !== null && requestedBy === identity : username === of;
}

/** Whether somebody may see and control something. */
export function maySee(caller: Caller, what: Owned): boolean {
  return isOperator(caller) || isOwn(caller, what);
}
