import { type Request, type RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { AppError } from '@app/core';

const MINUTE_MS = 60_000;

/** What watches the service, and what a page is made of, is not counted. */
const UNCOUNTED = /^\/(?:ping|metrics|health\/(?:live|ready)|ui(?:\/.*)?|docs(?:\/.*)?|openapi\.json)?$/;

/**
 * Lets each caller make so many requests a minute: whoever signed in, from wherever they are; everybody else by their
 * address (of IPv6 the network). Answers tell what is left (`RateLimit`, draft 8 of the IETF). Throws `rate_limited`.
 */
export function limitRate(perMinute: number, identityOf: (request: Request) => string | null): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit: perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: 'requests',
    skip: ({ path }) => UNCOUNTED.test(path),
    keyGenerator: (request) => identityOf(request) ?? ipKeyGenerator(request.ip ?? ''),
    // Whose `X-Forwarded-For` is believed is for TRUST_PROXY to say.
    validate: { xForwardedForHeader: false },
    handler: (_request, response) => {
      throw rateLimited(Number(response.getHeader('Retry-After')), perMinute);
    },
  });
}

function rateLimited(seconds: number, perMinute: number): AppError {
  const message = `More than ${perMinute} requests in a minute. Try again in ${seconds} s.`;
  return new AppError('rate_limited', message, { retryAfterSeconds: seconds });
}
