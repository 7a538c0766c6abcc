/** An object, and neither a list nor nothing. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A body as it is meant: older clients send it as `{"data": {...}}`. */
export function unwrapData(body: Record<string, unknown>): Record<string, unknown> {
  return isJsonObject(body.data) && Object.keys(body).length === 1 ? body.data : body;
}
