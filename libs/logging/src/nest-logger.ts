import { types } from 'node:util';
import { type LoggerService } from '@nestjs/common';
import { type LogLevel } from './log-entry';
import { type LogHub } from './log-hub';

/**
 * Nest's own messages in the service's log, for `app.useLogger()`. Nest passes the context (field `context`) and, for
 * errors, the stack trace as last parameters; what else is passed becomes `error` or `details`.
 */
export class NestLogger implements LoggerService {
  constructor(private readonly hub: LogHub) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write('INFO', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('ERROR', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('WARNING', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('DEBUG', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('DEBUG', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('ERROR', message, rest);
  }

  private write(level: LogLevel, message: unknown, rest: unknown[]): void {
    const isError = types.isNativeError(message);
    const given = (isError ? [message, ...rest] : rest).filter((value) => value !== undefined);
    const context = takeLast(given, (value) => typeof value === 'string' && !isStack(value));
    const stack = takeLast(given, isStack);
    const error = takeLast(given, (value) => types.isNativeError(value));
    const details = given.length > 0 ? given : undefined;
    this.hub.write(level, isError ? message.message : message, [{ context, error, stack, details }]);
  }
}

/** Removes and returns the last value if it is of the kind. */
function takeLast(values: unknown[], isIt: (value: unknown) => boolean): unknown {
  return values.length > 0 && isIt(values.at(-1)) ? values.pop() : undefined;
}

/** As Nest's ConsoleLogger tells a stack trace from a context. */
function isStack(value: unknown): boolean {
  return typeof value === 'string' && /^.+\n\s+at .+:\d+:\d+/.test(value);
}
