import { readRange } from './byte-range';

describe('readRange', () => {
  it.each([
    ['bytes=0-0', { start: 0, end: 1 }],
    ['bytes=2-5', { start: 2, end: 6 }],
    ['bytes=9-', { start: 9, end: 10 }],
    ['bytes=0-', { start: 0, end: 10 }],
    ['bytes=5-99999999999999999999', { start: 5, end: 10 }],
    ['bytes=-3', { start: 7, end: 10 }],
    ['bytes=-99', { start: 0, end: 10 }],
    ['BYTES=1-1', { start: 1, end: 2 }],
    ['bytes= 1-1 ', { start: 1, end: 2 }],
    ['bytes=,1-1,', { start: 1, end: 2 }],
  ])('takes %s of ten bytes', (header, range) => expect(readRange(header, 10)).toEqual(range));

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=99999999999999999999-', 'bytes=-0'])('finds nothing in %s', (header) =>
    expect(readRange(header, 10)).toBe('unsatisfiable'),
  );

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=5-2',
    'bytes=a-b',
    'bytes=1-2-3',
    'bytes=1',
    'bytes=0x1-2',
    'bytes=1.5-2',
    'items=0-1',
    'bytes=0-1,3-4',
  ])('leaves all where there is %s', (header) => expect(readRange(header, 10)).toBeNull());

  it('knows that there is no part of nothing', () => {
    expect(readRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(readRange('bytes=-5', 0)).toBeNull();
  });
});
