import { timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type Request } from 'express';
import { Authenticator, isOperator } from '@app/auth';
import { AppError, isLoopback, Settings } from '@app/core';
import { ACCESS_RULE, type AccessRule } from './access.decorator';
import { callerOf } from './authentication';

/** Lets requests through to the routes that they may use. Throws `unauthorized`, `forbidden`, `auth_unavailable`. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly settings: Settings,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const where = [context.getHandler(), context.getClass()];
    switch (this.reflector.getAllAndOverride<AccessRule | undefined>(ACCESS_RULE, where)) {
      case 'open':
        return true;
      case 'signed-in':
        return callerOf(request) !== null;
      case 'operator':
        return this.checkOperator(request);
      case 'metrics':
        return this.mayReadMetrics(request) || this.checkOperator(request);
      case undefined:
        throw new Error('A route does not say who may use it');
    }
  }

  private checkOperator(request: Request): true {
    if (isOperator(callerOf(request))) return true;
    throw new AppError('forbidden', 'Only operators of this site may do this.');
  }

  private mayReadMetrics(request: Request): boolean {
    if (!this.authenticator.isOn || isFromThisHost(request)) return true;
    const token = this.settings.get('METRICS_TOKEN');
    return token !== undefined && isSame(request.headers.authorization ?? '', `Bearer ${token}`);
  }
}

/** What a proxy of this host passes on is from elsewhere. */
function isFromThisHost({ socket, headers }: Request): boolean {
  const isPassedOn = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return !isPassedOn && isLoopback(address);
}

/** In a time that tells nothing of where they differ. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
