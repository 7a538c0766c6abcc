import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type Request } from 'express';
import { isOperator } from '@app/auth';
import { AppError, Settings } from '@app/core';
import { MetricsAccess } from '@app/monitoring';
import { ACCESS_RULE, type AccessRule } from './access.decorator';
import { callerOf } from './authentication';

/** Lets requests through to the routes that they may use. Throws `unauthorized`, `forbidden`, `auth_unavailable`. */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly metrics: MetricsAccess;

  constructor(
    private readonly reflector: Reflector,
    settings: Settings,
  ) {
    this.metrics = new MetricsAccess(settings);
  }

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

  private mayReadMetrics({ socket, headers }: Request): boolean {
    const isPassedOn = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
    return this.metrics.allows({ address: socket.remoteAddress, isPassedOn, authorization: headers.authorization });
  }
}
