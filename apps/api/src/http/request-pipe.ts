import { type ArgumentMetadata, Injectable, type PipeTransform, ValidationPipe } from '@nestjs/common';
import { type ValidationError } from 'class-validator';
import { type FieldError } from '@app/core';
import { notValid } from './not-valid';
import { malformed } from './to-app-error';

/** No body of the service is deeper; what is would only exhaust the stack of whoever walks through it. */
const MAX_DEPTH = 8;

const shared = {
  transform: true,
  whitelist: true,
  stopAtFirstError: true,
  exceptionFactory: (errors: ValidationError[]) => notValid(errors.flatMap((error) => flatten(error, ''))),
};

/**
 * Turns query, parameters and body into DTOs and checks them; nothing is converted silently. A field of a body that the
 * DTO does not know is an error, a parameter of a query is not: older clients send more. Throws `validation_failed`.
 */
@Injectable()
export class RequestPipe implements PipeTransform {
  private readonly body = new ValidationPipe({ ...shared, forbidNonWhitelisted: true });
  private readonly others = new ValidationPipe(shared);

  transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type !== 'body') return this.others.transform(value, metadata);
    checkShape(value);
    return this.body.transform(value, metadata);
  }
}

function checkShape(body: unknown): void {
  if (body === undefined) throw malformed('body', 'is missing: send a JSON object');
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw malformed('body', 'must be a JSON object');
  checkLevel(body, '', 1);
}

function checkLevel(value: object, prefix: string, depth: number): void {
  if (depth > MAX_DEPTH) throw malformed('body', 'is nested too deeply');
  for (const [name, inner] of Object.entries(value) as [string, unknown][]) {
    if (isReserved(name)) throw notValid([{ field: prefix + name, message: 'is not a known field' }]);
    if (typeof inner === 'object' && inner !== null) checkLevel(inner, `${prefix}${name}.`, depth + 1);
  }
}

/** Names that Nest and class-transformer remove silently, so that nobody would be told that they are unknown. */
function isReserved(name: string): boolean {
  return name in Object.prototype || name === 'prototype';
}

function flatten({ property, constraints, children }: ValidationError, prefix: string): FieldError[] {
  const field = `${prefix}${property}`.slice(0, 200);
  const own = Object.entries(constraints ?? {}).map(([rule, message]) => ({
    field,
    message: rule === 'whitelistValidation' ? 'is not a known field' : message.replace(`${property} `, ''),
  }));
  return [...own, ...(children ?? []).flatMap((child) => flatten(child, `${field}.`))];
}
