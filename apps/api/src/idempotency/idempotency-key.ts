import { createHash } from 'node:crypto';
import { type Request } from 'express';
import { malformed } from '../http/to-app-error';

/** Header by which a caller marks a request that is to be done once, however often it is sent. */
export const IDEMPOTENCY_KEY_HEADER = 'Idempotency-Key';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** The key of a request; null when it has none. Throws `validation_failed` for one that is malformed. */
export function idempotencyKey(request: Request): string | null {
  const key = request.get(IDEMPOTENCY_KEY_HEADER);
  if (key === undefined) return null;
  // Two such headers arrive as one with a blank in it.
  if (!KEY.test(key)) throw malformed(IDEMPOTENCY_KEY_HEADER, 'must have 1 to 255 visible ASCII characters');
  return key;
}

/** A hash of plain data by its meaning: the order of fields does not count, nor do fields that are undefined. */
export function hashOf(data: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(inOrder(data)))
    .digest('hex');
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  // As pairs: an object would put names that are numbers first, and lose `__proto__`.
  return { fields: entries.filter(([, inner]) => inner !== undefined).map(([name, inner]) => [name, inOrder(inner)]) };
}
