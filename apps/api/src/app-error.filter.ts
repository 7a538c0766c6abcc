import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type ExpressAdapter } from '@nestjs/platform-express';
import { type Request, type Response } from 'express';
import { AppError, traceFields } from '@app/core';
import { AppLogger } from '@app/logging';
import { allowedMethods, routerOf } from './http/allowed-methods';
import { retryAfterOf, STATUS } from './http/error-status';
import { isHangUp } from './http/hang-up-signal';
import { endLingering } from './http/lingering-end';
import { PROBLEM_TYPE, problemOf, shownPath } from './http/problem';
import { OPERATION_ID_HEADER, requestIdOf, traceParentOf } from './http/request-context';
import { toAppError } from './http/to-app-error';

/** The one place where errors become answers: a problem document for the caller, the cause for the log. */
@Catch()
export class AppErrorFilter implements ExceptionFilter {
  constructor(
    private readonly adapters: HttpAdapterHost<ExpressAdapter>,
    private readonly logger: AppLogger,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    if (isHangUp(thrown)) return void response.destroy();
    const error = this.otherMethod(thrown, request, response) ?? toAppError(thrown);
    response.locals.code = error.code;
    if (STATUS[error.code] >= 500) this.tell(error, request, response);
    // Half an answer must not look like a whole one.
    if (response.headersSent) response.destroy();
    else answer(error, request, response);
  }

  /** The error for a path that is known, but not by this method. */
  private otherMethod(thrown: unknown, request: Request, response: Response): AppError | undefined {
    if (!(thrown instanceof NotFoundException)) return undefined;
    const allowed = allowedMethods(routerOf({ getHttpAdapter: () => this.adapters.httpAdapter }), request.path);
    if (allowed.length === 0 || allowed.includes(request.method)) return undefined;
    response.setHeader('Allow', allowed.join(', '));
    return new AppError('method_not_allowed', `This address takes ${allowed.join(', ')} only.`);
  }

  /** What the caller cannot mend goes to the log with its cause; an operation has its own lines there. */
  private tell(error: AppError, request: Request, response: Response): void {
    if (error.operationId !== undefined) return;
    const { code, cause } = error;
    const where = {
      method: request.method,
      path: shownPath(request.originalUrl),
      request_id: requestIdOf(response),
      ...traceFields(traceParentOf(response)),
    };
    this.logger[code === 'internal_error' ? 'error' : 'warning'](error.message, {
      code,
      ...where,
      error: cause ?? error,
    });
  }
}

function answer(error: AppError, request: Request, response: Response): void {
  const problem = problemOf(error, request.originalUrl);
  const retryAfter = retryAfterOf(problem.status, error.retryAfterSeconds);
  if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
  if (error.operationId !== undefined) response.setHeader(OPERATION_ID_HEADER, error.operationId);
  const body = Buffer.from(JSON.stringify(problem));
  response.status(problem.status);
  response.setHeader('Cache-Control', 'no-store');
  // Not by `send`, which would add a charset that this type does not have.
  response.setHeader('Content-Type', PROBLEM_TYPE);
  response.setHeader('Content-Length', body.length);
  endLingering(request, response, body);
}
