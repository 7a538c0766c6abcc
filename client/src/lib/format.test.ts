import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, formatTime, formatUtc, percentOf, plural } from './format';

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [10_240, '10.0 KiB'],
    [1_048_575, '1.00 MiB'],
    [157_286_400, '150 MiB'],
    [2 ** 40 * 1.5, '1.50 TiB'],
    [2 ** 63, '8.00 EiB'],
    [2 ** 73, '8192 EiB'],
  ])('%d are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('time spans', () => {
  it.each([
    [0, '0 s'],
    [59.6, '1 min'],
    [200, '3 min 20 s'],
    [3600, '1 h'],
    [3660, '1 h 1 min'],
    [86_400 * 3 + 7200, '3 d 2 h'],
  ])('%d s are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));
});

it('moments are local, of today without the day, and UTC beside', () => {
  const now = new Date('2026-02-01T12:00:00Z');
  expect(formatTime('2026-02-01T12:00:01.250Z', now)).not.toContain('2026');
  expect(formatTime('2026-01-01T12:00:01.250Z', now)).toContain('2026');
  expect(formatUtc('2026-02-01T12:00:01.250Z')).toBe('2026-02-01 12:00:01 UTC');
});

it('shares are between 0 and 100, also of nothing', () => {
  expect([percentOf(1, 4), percentOf(5, 4), percentOf(0, 0), percentOf(1, 0)]).toEqual([25, 100, 0, 100]);
});

it('one thing is not several', () => {
  expect([plural(1, 'file'), plural(2, 'file'), plural(0, 'is', 'are')]).toEqual(['1 file', '2 files', '0 are']);
});
