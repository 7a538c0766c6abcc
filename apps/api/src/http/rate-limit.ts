import { Injectable } from '@nestjs/common';
import { type Request, type RequestHandler } from 'express';
import { ipKeyGenerator, MemoryStore, rateLimit } from 'express-rate-limit';
import { AppError, Settings } from '@app/core';

const MINUTE_MS = 60_000;

/** What watches the service, and what a page is made of, is not counted. */
const UNCOUNTED = /^\/(?:ping|metrics|health\/(?:live|ready)|ui(?:\/.*)?|docs(?:\/.*)?|openapi\.json)?$/;

/** What callers asked for within the last minute: one count of the process, of requests and of what comes by sockets. */
@Injectable()
export class RequestBudget {
  /** Requests a minute; 0 where nothing is counted. */
  readonly perMinute: number;
  /** Begun by {@link limitRate}. */
  readonly counts = new MemoryStore();

  constructor(settings: Settings) {
    this.perMinute = settings.get('RATE_LIMIT_PER_MINUTE');
  }

  /** Counts one more of somebody: their identity, or {@link strangerAt}. Throws `rate_limited` beyond the limit. */
  async spend(caller: string): Promise<void> {
    if (this.perMinute === 0) return;
    const { totalHits, resetTime } = await this.counts.increment(caller);
    if (totalHits <= this.perMinute) return;
    const milliseconds = resetTime ? resetTime.getTime() - Date.now() : MINUTE_MS;
    throw rateLimited(Math.max(0, Math.ceil(milliseconds / 1000)), this.perMinute);
  }

  /** Takes one back that turned out to be somebody else's. */
  async giveBack(caller: string): Promise<void> {
    if (this.perMinute > 0) await this.counts.decrement(caller);
  }
}

/**
 * Lets each caller make so many requests a minute: whoever signed in, from wherever they are; everybody else by their
 * address (of IPv6 the network). Answers tell what is left (`RateLimit`, draft 8 of the IETF). Throws `rate_limited`.
 */
export function limitRate(
  { perMinute, counts }: RequestBudget,
  identityOf: (request: Request) => string | null,
): RequestHandler {
  if (perMinute === 0) return (_request, _response, next) => next();
  return rateLimit({
    windowMs: MINUTE_MS,
    limit: perMinute,
    store: counts,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: 'requests',
    skip: ({ path }) => UNCOUNTED.test(path),
    keyGenerator: (request) => identityOf(request) ?? strangerAt(request.ip),
    // Whose `X-Forwarded-For` is believed is for TRUST_PROXY to say.
    validate: { xForwardedForHeader: false },
    handler: (_request, response) => {
      throw rateLimited(Number(response.getHeader('Retry-After')), perMinute);
    },
  });
}

/** By what somebody is counted who did not sign in. */
export function strangerAt(address: string | undefined): string {
  return ipKeyGenerator(address ?? '');
}

function rateLimited(seconds: number, perMinute: number): AppError {
  const message = `More than ${perMinute} requests in a minute. Try again in ${seconds} s.`;
  return new AppError('rate_limited', message, { retryAfterSeconds: seconds });
}
