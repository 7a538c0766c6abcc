import { type StreamedBody } from '../http/item-stream-body';
import { isJsonObject, unwrapData } from '../http/json-object';

/** A body of one source is never larger, in bytes. */
const MAX_BYTES = 1024 ** 2;

/**
 * The body as an object that has no `items`, so that it asks for one source, also in the older form `{"data": {...}}`;
 * undefined for every other body.
 */
export function singleBody(body: StreamedBody): unknown {
  if (body.length > MAX_BYTES) return undefined;
  const value = parsed(body);
  if (!isJsonObject(value) || Object.hasOwn(value, 'items')) return undefined;
  return unwrapData(value);
}

function parsed(body: StreamedBody): unknown {
  try {
    return JSON.parse(Buffer.concat([...body.pieces()]).toString()) as unknown;
  } catch {
    return undefined;
  }
}
