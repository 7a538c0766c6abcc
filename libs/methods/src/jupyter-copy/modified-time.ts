/** Microseconds since the epoch of a time as Jupyter Server writes it (`2001-02-03T04:05:06.789000Z`); null if it is none. */
function microsecondsOf(modified: string): bigint | null {
  const match = /^(\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(modified);
  if (!match) return null;
  const [, seconds, fraction = '', zone] = match;
  const milliseconds = Date.parse(`${seconds}${zone}`);
  return Number.isNaN(milliseconds) ? null : BigInt(milliseconds) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}

/** Such a time in nanoseconds, as manifests hold it; `otherwise` when it is none. */
export function mtimeNsOf(modified: string, otherwise: string): string {
  const microseconds = microsecondsOf(modified);
  return microseconds === null ? otherwise : String(microseconds * 1000n);
}

/** Whether such a time is the one of a manifest, as far as servers tell it: they round to microseconds. */
export function isSameTime(modified: string, mtimeNs: string): boolean {
  const microseconds = microsecondsOf(modified);
  if (microseconds === null) return false;
  const difference = microseconds * 1000n - BigInt(mtimeNs);
  return difference <= 1000n && difference >= -1000n;
}
