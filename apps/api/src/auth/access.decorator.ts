import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { type Request } from 'express';
import { type Caller } from '@app/auth';
import { callerOf } from './authentication';

/**
 * Who may use a route: `open`: everybody; `signed-in`: everybody who is known, for what is theirs; `operator`;
 * `metrics`: whoever watches the service.
 */
export type AccessRule = 'open' | 'signed-in' | 'operator' | 'metrics';

/** Name of the rule in the metadata of routes. */
export const ACCESS_RULE = 'access-rule';
/** Name of the way to sign in, in the OpenAPI document. */
export const BEARER_SCHEME = 'oidc';

/** Says who may use a controller or a route. What does not say it can be used by nobody. */
export function Access(rule: AccessRule): MethodDecorator & ClassDecorator {
  const docs = rule === 'open' ? [] : [ApiBearerAuth(BEARER_SCHEME)];
  return applyDecorators(SetMetadata(ACCESS_RULE, rule), ...docs);
}

/** Who the request is from. */
export const SignedIn = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  return callerOf(context.switchToHttp().getRequest<Request>());
});
