import { type NestExpressApplication } from '@nestjs/platform-express';
import { type Request } from 'express';
import { Authenticator } from '@app/auth';
import { type Settings } from '@app/core';
import { AppLogger } from '@app/logging';
import { AuditTrail } from '@app/records';
import { auditRequests } from './audit/audit-requests';
import { authenticate, callerIfKnown, refuseStrangers } from './auth/authentication';
import { answerOptions } from './http/allowed-methods';
import { useJsonBodies } from './http/json-body';
import { readAddress } from './http/request-address';
import { limitRate, RequestBudget } from './http/rate-limit';
import { noStore, requestContext } from './http/request-context';
import { requestLog } from './http/request-log';
import { securityHeaders } from './http/security-headers';
import { siteGuard, siteOptions, SiteRules } from './http/site-guard';
import { SocketAdapter } from './logs/socket-adapter';
import { publicPrefix } from './site/public-prefix';

/** Puts what every request passes before its route, in this order, in front of the application. */
export function configureHttp(app: NestExpressApplication, settings: Settings): void {
  app.disable('x-powered-by');
  app.disable('etag');
  trustProxy(app, settings);
  app.use(requestContext());
  app.use(securityHeaders({ publicUrl: settings.get('PUBLIC_URL'), issuer: settings.get('OIDC_ISSUER') }));
  app.use(requestLog(app.get(AppLogger)));
  app.use(auditRequests(app.get(AuditTrail)));
  const rules = new SiteRules(siteOptions(settings));
  const prefix = publicPrefix(settings);
  app.useWebSocketAdapter(new SocketAdapter(app, { rules, prefix }));
  app.use(siteGuard(rules));
  app.use(readAddress(prefix));
  app.use(noStore());
  app.use(answerOptions(app));
  app.use(authenticate(app.get(Authenticator)));
  app.use(limitRate(app.get(RequestBudget), identityOf));
  app.use(refuseStrangers());
  useJsonBodies(app);
}

function identityOf(request: Request): string | null {
  return callerIfKnown(request)?.identity ?? null;
}

function trustProxy(app: NestExpressApplication, settings: Settings): void {
  try {
    app.set('trust proxy', settings.get('TRUST_PROXY'));
  } catch (error) {
    throw new Error('TRUST_PROXY: must be off, a number of proxies, or their addresses', { cause: error });
  }
}
