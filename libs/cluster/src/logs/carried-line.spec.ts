import { readFields, SeenLines, writeFields } from './carried-line';

const LINE = { source: 'h:/log', run: 'run', number: 7, text: '{}' };

it('a line comes out of the stream as it went in', () => {
  expect(readFields(writeFields(LINE))).toEqual(LINE);
});

it.each([
  ['nothing', []],
  ['other names', ['a', 'b', 'c', 'd', 'e', '1', 'g', 'h']],
  ['no text', writeFields(LINE).slice(0, -1)],
  ['a number that is none', writeFields(LINE).with(5, '1e3')],
  ['a number beyond all', writeFields(LINE).with(5, '9'.repeat(16))],
  ['an endless name', writeFields(LINE).with(3, 'x'.repeat(5000))],
])('%s is no line', (_what, fields) => {
  expect(readFields(fields)).toBeUndefined();
});

it('what is written twice is seen once, also where only a part was', () => {
  const seen = new SeenLines();
  const isNew = (run: string, number: number) => seen.isNew({ ...LINE, run, number });
  expect([0, 1, 0, 1, 2, 5].map((number) => isNew('one', number))).toEqual([true, true, false, false, true, true]);
  expect(isNew('two', 10)).toBe(true);
  expect(isNew('two', 11)).toBe(true);
  expect(isNew('one', 5)).toBe(false);
  // Between 2 and 5; what a run said before it was met is not missing.
  expect(seen.missing).toBe(2);
});

it('remembers the runs that were heard last', () => {
  const seen = new SeenLines();
  const isNew = (run: string) => seen.isNew({ ...LINE, run });
  isNew('early');
  isNew('late');
  for (let other = 0; other < 998; other += 1) isNew(`${other}`);
  seen.isNew({ ...LINE, run: 'late', number: 8 });
  isNew('one more');
  expect(isNew('late')).toBe(false);
  expect(isNew('early')).toBe(true);
});
