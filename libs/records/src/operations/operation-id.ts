import { v7 } from 'uuid';

const OPERATION_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** Largest time that a UUIDv7 can hold, in milliseconds. */
const MAX_TIME = 2 ** 48 - 1;

/** A new operation's id: a UUIDv7 (RFC 9562) in lower case, above all that this process made before. */
export function newOperationId(): string {
  return v7();
}

/** True for text that could be an operation's id. */
export function isOperationId(text: string): boolean {
  return OPERATION_ID.test(text);
}

/** When an operation was created, as its id tells: to the millisecond. */
export function timeOfOperationId(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}

/** Below the ids of all operations created at `time` or later, above those of all created before. */
export function lowestIdAt(time: Date): string {
  const milliseconds = Math.min(Math.max(time.getTime(), 0), MAX_TIME);
  const digits = milliseconds.toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}`;
}
