import type { Operation } from '../../api/types';

/** What happened in one stretch of time. */
export interface Stretch {
  /** Milliseconds since the epoch. */
  from: number;
  done: number;
  failed: number;
  other: number;
  bytes: number;
}

/** Operations by when they were asked for, in `count` equal stretches from the first to the last. */
export function stretchesOf(operations: readonly Operation[], count: number, now: number): Stretch[] {
  const times = operations.flatMap(({ created_at: at }) => (at === null ? [] : [Date.parse(at)]));
  if (times.length === 0) return [];
  const first = Math.min(...times);
  const length = Math.max(1, (Math.max(now, ...times) - first) / count);
  const stretches = Array.from({ length: count }, (_none, index) => ({
    from: first + index * length,
    done: 0,
    failed: 0,
    other: 0,
    bytes: 0,
  }));
  for (const { created_at: at, status, bytes_done: bytes } of operations) {
    if (at === null) continue;
    const stretch = stretches[Math.min(count - 1, Math.floor((Date.parse(at) - first) / length))]!;
    if (status === 'success') stretch.done += 1;
    else if (status === 'failure') stretch.failed += 1;
    else stretch.other += 1;
    stretch.bytes += bytes ?? 0;
  }
  return stretches;
}

/** How often operations failed with each code, the most frequent first. */
export function failuresOf(operations: readonly Operation[]): { code: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { status, error_code: code } of operations) {
    if (status === 'failure' && code !== null) counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts].map(([code, count]) => ({ code, count })).sort((one, other) => other.count - one.count);
}
