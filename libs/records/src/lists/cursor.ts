import { AppError } from '@app/core';

/** The place in a list after the entry with this key. Callers send it back as it is. */
export function toCursor(key: string | number): string {
  return Buffer.from(String(key)).toString('base64url');
}

/** The key in a cursor. Throws `validation_failed` unless it is one that {@link toCursor} made of such a key. */
export function fromCursor(cursor: string, isKey: (text: string) => boolean): string {
  const key = Buffer.from(cursor, 'base64url').toString();
  if (isKey(key) && toCursor(key) === cursor) return key;
  const message = 'is not one that this list was answered with';
  throw new AppError('validation_failed', `cursor ${message}.`, { errors: [{ field: 'cursor', message }] });
}

/** A part of a list. */
export interface Page<T> {
  items: T[];
  /** Where the next part begins; null when this is the last. */
  nextCursor: string | null;
}

/** Makes a page of what was found when one entry more than `limit` was asked for. */
export function pageOf<T extends { id: string | number }>(found: T[], limit: number): Page<T> {
  const items = found.slice(0, limit);
  return { items, nextCursor: found.length > limit ? toCursor(items.at(-1)!.id) : null };
}
