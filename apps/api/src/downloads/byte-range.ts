/** A part of a representation: from the byte `start` up to, not including, `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

const UNIT = /^bytes=(.*)$/i;
const SPEC = /^(\d*)-(\d*)$/;

/**
 * What a `Range` header (RFC 9110, 14.1.2) asks of `size` bytes. Null: all of it, also where the header is malformed,
 * of another unit, or names several ranges (14.2 allows to ignore it). `unsatisfiable`: nothing of what is there.
 */
export function readRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | null {
  const [, list] = UNIT.exec(header ?? '') ?? [];
  const specs = (list ?? '').split(',').map((spec) => spec.trim());
  const [one, ...others] = specs.filter((spec) => spec !== '');
  if (one === undefined || others.length > 0) return null;
  const [, first, last] = SPEC.exec(one) ?? [];
  if (first === undefined || last === undefined || first + last === '') return null;
  return first === '' ? suffix(Number(last), size) : fromFirst(Number(first), last, size);
}

function suffix(length: number, size: number): ByteRange | 'unsatisfiable' | null {
  if (length === 0) return 'unsatisfiable';
  // No Content-Range could tell a part of nothing.
  return size === 0 ? null : { start: Math.max(0, size - length), end: size };
}

function fromFirst(first: number, last: string, size: number): ByteRange | 'unsatisfiable' | null {
  if (last !== '' && Number(last) < first) return null;
  if (first >= size) return 'unsatisfiable';
  return { start: first, end: last === '' ? size : Math.min(size, Number(last) + 1) };
}
