import { type RequestHandler } from 'express';
import helmet from 'helmet';

/** What the policy depends on. */
export interface HeaderOptions {
  /** Address under which users reach the service. */
  publicUrl: string | undefined;
  /** The OpenID provider, which the page talks to when it signs users in. */
  issuer: string | undefined;
}

const EXPLORER = /^(?:\/[^/]+)*\/docs(?:\/|$)/;

/** A year, in seconds: browsers that were here once come by https only. */
const TRANSPORT_SECONDS = 31_536_000;

/**
 * Tells browsers what they may do with what comes from here: nothing of another host is loaded, no page frames it, nothing
 * is guessed, and no address is told. Downloads have a stricter policy of their own.
 */
export function securityHeaders({ publicUrl, issuer }: HeaderOptions): RequestHandler {
  const own = ["'self'"];
  const protect = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: own,
        baseUri: own,
        connectSrc: issuer === undefined ? own : [...own, new URL(issuer).origin],
        fontSrc: [...own, 'data:'],
        formAction: own,
        frameAncestors: ["'none'"],
        imgSrc: [...own, 'data:'],
        objectSrc: ["'none'"],
        scriptSrc: own,
        scriptSrcAttr: ["'none'"],
        // Styles that are set by scripts, as the page's library and the explorer of the API do.
        styleSrc: [...own, "'unsafe-inline'"],
      },
    },
    frameguard: { action: 'deny' },
    // Over plain http browsers ignore it; beside https it would be a promise that only the operator can give.
    strictTransportSecurity: publicUrl?.startsWith('https:') ? { maxAge: TRANSPORT_SECONDS } : false,
  }) as RequestHandler;
  return (request, response, next) => {
    protect(request, response, (error?: unknown) => {
      // The explorer signs users in by a window that the provider's page fills, and must still know it then.
      if (EXPLORER.test(request.path)) response.removeHeader('Cross-Origin-Opener-Policy');
      next(error);
    });
  };
}
