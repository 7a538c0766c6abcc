import { isSameTime, mtimeNsOf } from './modified-time';

it.each([
  ['2001-02-03T04:05:06Z', '981173106000000000'],
  ['2001-02-03T04:05:06.789012Z', '981173106789012000'],
  ['2001-02-03T04:05:06.5+00:00', '981173106500000000'],
  ['1969-12-31T23:59:59.250000Z', '-750000000'],
])('reads %s', (modified, mtimeNs) => {
  expect(mtimeNsOf(modified, '7')).toBe(mtimeNs);
  expect(isSameTime(modified, mtimeNs)).toBe(true);
});

it.each(['', 'yesterday', '2001-02-03', '2001-02-03T04:05:06', '2001-99-03T04:05:06Z'])(
  'reads no time in %j',
  (text) => {
    expect(mtimeNsOf(text, '7')).toBe('7');
    expect(isSameTime(text, '7')).toBe(false);
  },
);

it('takes what servers round for the same, and nothing else', () => {
  expect(isSameTime('2001-02-03T04:05:06.789012Z', '981173106789012345')).toBe(true);
  expect(isSameTime('2001-02-03T04:05:06.789013Z', '981173106789012345')).toBe(true);
  expect(isSameTime('2001-02-03T04:05:06.789014Z', '981173106789012345')).toBe(false);
  expect(isSameTime('2001-02-03T04:05:07.789012Z', '981173106789012345')).toBe(false);
});
