import { beginTrace, readTraceParent, traceFields, traceParentOfCall } from './trace-context';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const GIVEN = `00-${TRACE}-${PARENT}-01`;

describe('readTraceParent', () => {
  it.each([
    ['as it came', GIVEN, GIVEN],
    ['not sampled', `00-${TRACE}-${PARENT}-00`, `00-${TRACE}-${PARENT}-00`],
    ['flags that are not known are cleared', `00-${TRACE}-${PARENT}-ff`, GIVEN],
    ['other flags alone', `00-${TRACE}-${PARENT}-02`, `00-${TRACE}-${PARENT}-00`],
    ['a later version', `01-${TRACE}-${PARENT}-01`, GIVEN],
    ['a later version with more behind it', `cc-${TRACE}-${PARENT}-01-what-comes.next`, GIVEN],
    ['a later version that ends in a dash', `cc-${TRACE}-${PARENT}-01-`, GIVEN],
  ])('takes: %s', (_what, header, read) => {
    expect(readTraceParent(header)).toBe(read);
  });

  it.each([
    ['nothing', undefined],
    ['empty', ''],
    ['several', [GIVEN, GIVEN]],
    ['several in one line', `${GIVEN}, ${GIVEN}`],
    ['no trace', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['no parent', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['the version that is none', `ff-${TRACE}-${PARENT}-01`],
    ['more behind version 00', `${GIVEN}-00`],
    ['more behind a later version, without a dash', `01-${TRACE}-${PARENT}-01.x`],
    ['capital letters', GIVEN.toUpperCase()],
    ['a short trace', `00-${TRACE.slice(1)}-${PARENT}-01`],
    ['a long parent', `00-${TRACE}-${PARENT}a-01`],
    ['no hexadecimal digits', `00-${TRACE.replace('4', 'g')}-${PARENT}-01`],
    ['flags of one digit', `00-${TRACE}-${PARENT}-1`],
    ['no flags', `00-${TRACE}-${PARENT}`],
    ['spaces', ` ${GIVEN}`],
    ['a line break', `${GIVEN}\n`],
  ])('leaves: %s', (_what, header) => {
    expect(readTraceParent(header)).toBeNull();
  });
});

it('begins traces that differ, are not sampled, and can be read', () => {
  const begun = Array.from({ length: 100 }, beginTrace);
  expect(new Set(begun.map((one) => one.slice(3, 35))).size).toBe(100);
  for (const one of begun) expect([readTraceParent(one), one.slice(-3)]).toEqual([one, '-00']);
});

it('gives each call a parent of its own in the same trace', () => {
  const [one, other] = [traceParentOfCall(GIVEN), traceParentOfCall(GIVEN)];
  for (const call of [one, other]) {
    expect(readTraceParent(call)).toBe(call);
    expect(call).toMatch(new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-01$`));
  }
  expect(one).not.toBe(other);
});

it('tells the log which trace', () => {
  expect([traceFields(GIVEN), traceFields(null)]).toEqual([{ trace_id: TRACE }, {}]);
});
