import { type Caller, isOperator } from '@app/auth';
import { AppError } from '@app/core';
import { millisecondsUntil } from '../auth/reader-limit';

/** How often the token of an open socket is judged again, in milliseconds: a group can be taken from somebody. */
export const JUDGE_MS = 60_000;

/** What is watched of an operator who is connected. */
export interface WatchedToken {
  /** When the token ends; null: never. */
  expiresAt: Date | null;
  /** Judges the token again. May throw `unauthorized`, `forbidden`, `auth_unavailable`. */
  judge: () => Promise<Caller>;
  /** Told at most once, when the token has ended or is none of an operator any more. */
  onEnd: (reason: AppError) => void;
}

/**
 * Watches a token for as long as somebody is connected by it; returns what ends that. A token that cannot be judged, since
 * the provider is away, goes on to count: it was good a minute ago, and ends by itself.
 */
export function watchToken({ expiresAt, judge, onEnd }: WatchedToken): () => void {
  let isOver = false;
  const stop = () => {
    isOver = true;
    clearInterval(again);
    clearTimeout(ending ?? undefined);
  };
  const end = (reason: AppError) => {
    if (isOver) return;
    stop();
    onEnd(reason);
  };
  const look = async () => {
    try {
      if (!isOperator(await judge())) end(new AppError('forbidden', 'You are no operator of this site any more.'));
    } catch (error) {
      const reason = AppError.from(error);
      if (reason.code === 'unauthorized' || reason.code === 'forbidden') end(reason);
    }
  };
  const again = setInterval(() => void look(), JUDGE_MS).unref();
  const expired = () => end(new AppError('unauthorized', 'The token has expired. Sign in again.'));
  const ending = expiresAt && setTimeout(expired, millisecondsUntil(expiresAt)).unref();
  return stop;
}
