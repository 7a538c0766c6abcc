import { type Caller, isOperator, mayActFor } from '@app/auth';
import { AppError } from '@app/core';

/** Throws `forbidden` for somebody who may not ask in the name of this user. */
export function checkMayActFor(caller: Caller, username: string): void {
  if (mayActFor(caller, username)) return;
  throw new AppError('forbidden', `You are signed in as ${caller.username}, and may ask for yourself only.`);
}

/** Throws `forbidden` for somebody to whom this user's area is none of their business, whether or not there is one. */
export function checkMaySeeArea(caller: Caller, username: string): void {
  if (isOperator(caller) || caller.username === username) return;
  throw new AppError('forbidden', 'You may see your own area only.');
}

/** What of all operations somebody may see, as a filter. Throws `forbidden` for a user who asks for another one's. */
export function visibleTo(caller: Caller, asked: string | undefined): { username?: string; requestedBy?: string } {
  if (isOperator(caller)) return { username: asked };
  if (caller.role === 'service') return { username: asked, requestedBy: caller.identity! };
  if (asked !== undefined) checkMayActFor(caller, asked);
  return { username: caller.username! };
}
