import { AppError } from '@app/core';
import { type AuthOptions, USERNAME } from '../contract/auth-options';
import { type Caller, type Role } from '../contract/caller';

/** What a token says. */
export type Claims = Readonly<Record<string, unknown>>;

/** Characters of a caller's identity that records keep; a subject has 255 ASCII characters at most (OpenID Connect Core, 8). */
const MAX_IDENTITY = 255;

/** Issuer and subject as one text: two providers may use one subject (RFC 7519, section 4.1.2). */
function identityOf(issuer: string, subject: string): string {
  return `${issuer}#${subject}`;
}

/**
 * Who a checked token stands for. Throws `forbidden` for somebody whose name is none that the site can serve: it is never
 * changed into one.
 */
export function callerOf(claims: Claims, options: AuthOptions): Caller {
  const subject = claims.sub as string;
  const identity = identityOf(options.issuer, subject);
  if (identity.length > MAX_IDENTITY) throw new AppError('forbidden', 'Your sign-in has a subject that is too long.');
  const role = roleOf(subject, groupsOf(claims[options.groupsClaim]), options);
  return {
    role,
    identity,
    username: usernameOf(claims[options.usernameClaim], role, options.usernameClaim),
    expiresAt: new Date((claims.exp as number) * 1000),
  };
}

function roleOf(subject: string, groups: readonly string[], options: AuthOptions): Role {
  const operators = new Set(options.operatorGroups.map(plainGroup));
  if (groups.some((group) => operators.has(plainGroup(group)))) return 'operator';
  return options.serviceSubjects.includes(subject) ? 'service' : 'user';
}

/** A list, or names with blanks between them; anything else lists no group. */
function groupsOf(claim: unknown): string[] {
  if (Array.isArray(claim)) return claim.filter((group) => typeof group === 'string');
  return typeof claim === 'string' ? claim.split(' ').filter((group) => group !== '') : [];
}

/** Some profiles of a provider write a slash in front. A group never stands for the one above or below it. */
function plainGroup(group: string): string {
  return group.replace(/^\//, '');
}

function usernameOf(claim: unknown, role: Role, name: string): string | null {
  if (typeof claim === 'string' && USERNAME.test(claim)) return claim;
  if (role !== 'user') return null;
  const what = claim === undefined ? `has no claim ${name}` : `has a ${name} that this site cannot serve`;
  throw new AppError('forbidden', `Your sign-in ${what}; ask the operators of this site.`);
}
