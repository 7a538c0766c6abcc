import { randomBytes } from 'node:crypto';

/** Length of a `traceparent` of version 00; a later version may have more behind it. */
const LENGTH = 55;
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_PARENT = '0'.repeat(16);
/** Flags of version 00: the caller may have recorded the trace. All others are cleared when it is passed on. */
const SAMPLED = 0x01;

/**
 * The `traceparent` of a request in the one form that is kept and passed on (W3C Trace Context, level 1): of version 00,
 * with no flag but "sampled". Null for what is missing or malformed, which is to be treated as if it were missing. Of a later
 * version the beginning is read, as the specification asks for.
 */
export function readTraceParent(header: string | string[] | undefined): string | null {
  if (typeof header !== 'string') return null;
  const [, version, traceId, parentId, flags, rest] = FORM.exec(header) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (traceId === NO_TRACE || parentId === NO_PARENT) return null;
  return format(traceId!, parentId!, (parseInt(flags!, 16) & SAMPLED).toString(16).padStart(2, '0'));
}

/** The `traceparent` of a trace that begins here, and that nobody was asked to record. */
export function beginTrace(): string {
  return format(randomId(16), randomId(8), '00');
}

/** What is sent along with one call that belongs to the trace of `traceParent`: a parent of its own, all else the same. */
export function traceParentOfCall(traceParent: string): string {
  return format(traceIdOf(traceParent), randomId(8), traceParent.slice(LENGTH - 2));
}

/** The fields of log lines that tell a trace; none where there is no trace. */
export function traceFields(traceParent: string | null): { trace_id?: string } {
  return traceParent === null ? {} : { trace_id: traceIdOf(traceParent) };
}

function traceIdOf(traceParent: string): string {
  return traceParent.slice(3, 35);
}

function format(traceId: string, parentId: string, flags: string): string {
  return `00-${traceId}-${parentId}-${flags}`;
}

/** Lower-case hexadecimal; all zeros mean "none", which chance never gives in practice. */
function randomId(bytes: number): string {
  const id = randomBytes(bytes).toString('hex');
  return /[^0]/.test(id) ? id : randomId(bytes);
}
