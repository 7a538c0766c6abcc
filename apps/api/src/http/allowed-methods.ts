import { type NestExpressApplication } from '@nestjs/platform-express';
import { type RequestHandler } from 'express';

/** What is read here of Express' router (its public `stack`). */
interface RouterLayer {
  route?: { methods: Record<string, boolean> };
  match(path: string): boolean;
}

/** The methods that some route offers for a path, for the header `Allow`; empty for a path that no route knows. */
export function allowedMethods(router: { stack: RouterLayer[] }, path: string): string[] {
  const methods = new Set<string>();
  for (const layer of router.stack) {
    if (!layer.route || !layer.match(path)) continue;
    for (const [method, isOffered] of Object.entries(layer.route.methods)) {
      if (isOffered) methods.add(method.toUpperCase());
    }
  }
  if (methods.has('GET')) methods.add('HEAD');
  if (methods.size > 0) methods.add('OPTIONS');
  return [...methods].sort();
}

/** The router of an application, which is there once the application is. */
export function routerOf(app: Pick<NestExpressApplication, 'getHttpAdapter'>): { stack: RouterLayer[] } {
  return (app.getHttpAdapter().getInstance() as unknown as { router: { stack: RouterLayer[] } }).router;
}

/** Answers `OPTIONS` for each path that has a route (RFC 9110, 9.3.7). */
export function answerOptions(app: NestExpressApplication): RequestHandler {
  return (request, response, next) => {
    const allowed = request.method === 'OPTIONS' ? allowedMethods(routerOf(app), request.path) : [];
    if (allowed.length === 0) return next();
    response.setHeader('Allow', allowed.join(', '));
    response.status(204).end();
  };
}
