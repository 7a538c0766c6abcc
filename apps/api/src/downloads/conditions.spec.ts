import { type IncomingHttpHeaders } from 'node:http';
import { evaluate, rangeApplies, type Verdict } from './conditions';

const ETAG = '"a-b-c"';
const TIME = 'Sun, 01 Feb 2026 12:00:00 GMT';
const BEFORE = 'Sun, 01 Feb 2026 11:59:59 GMT';
const AFTER = 'Sun, 01 Feb 2026 12:00:01 GMT';
/** Half a second later, which HTTP cannot tell. */
const validators = { etag: ETAG, lastModified: new Date(Date.parse(TIME) + 500) };
const nothing = { etag: undefined, lastModified: undefined };

describe('evaluate', () => {
  it.each<[IncomingHttpHeaders, Verdict]>([
    [{}, 'proceed'],
    [{ 'if-match': ETAG }, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-match': `"x", ${ETAG}` }, 'proceed'],
    [{ 'if-match': '"x"' }, 'failed'],
    [{ 'if-match': `W/${ETAG}` }, 'failed'],
    [{ 'if-match': 'a-b-c' }, 'failed'],
    [{ 'if-none-match': ETAG }, 'not_modified'],
    [{ 'if-none-match': `W/${ETAG}` }, 'not_modified'],
    [{ 'if-none-match': `"x,y",${ETAG}` }, 'not_modified'],
    [{ 'if-none-match': '*' }, 'not_modified'],
    [{ 'if-none-match': '"x"' }, 'proceed'],
    [{ 'if-modified-since': TIME }, 'not_modified'],
    [{ 'if-modified-since': AFTER }, 'not_modified'],
    [{ 'if-modified-since': BEFORE }, 'proceed'],
    [{ 'if-unmodified-since': TIME }, 'proceed'],
    [{ 'if-unmodified-since': AFTER }, 'proceed'],
    [{ 'if-unmodified-since': BEFORE }, 'failed'],
    // What is no date is ignored.
    [{ 'if-modified-since': 'yesterday' }, 'proceed'],
    [{ 'if-modified-since': '2026-02-01T12:00:00Z' }, 'proceed'],
    [{ 'if-unmodified-since': '1' }, 'proceed'],
    // The older forms of dates.
    [{ 'if-modified-since': 'Sunday, 01-Feb-26 12:00:00 GMT' }, 'not_modified'],
    [{ 'if-modified-since': 'Sun Feb  1 12:00:00 2026' }, 'not_modified'],
    [{ 'if-modified-since': 'Sun Feb  1 11:59:59 2026' }, 'proceed'],
    // Tags come before dates, and what must match before what must not.
    [{ 'if-match': ETAG, 'if-unmodified-since': BEFORE }, 'proceed'],
    [{ 'if-none-match': '"x"', 'if-modified-since': TIME }, 'proceed'],
    [{ 'if-match': '"x"', 'if-none-match': ETAG }, 'failed'],
    [{ 'if-match': ETAG, 'if-none-match': ETAG }, 'not_modified'],
    [{ 'if-unmodified-since': BEFORE, 'if-none-match': ETAG }, 'failed'],
  ])('says of %j: %s', (headers, verdict) => expect(evaluate(headers, validators)).toBe(verdict));

  it.each<[IncomingHttpHeaders, Verdict]>([
    [{ 'if-match': ETAG }, 'failed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-none-match': ETAG }, 'proceed'],
    [{ 'if-modified-since': AFTER }, 'proceed'],
    [{ 'if-unmodified-since': BEFORE }, 'proceed'],
  ])('says of %j, where nothing can be compared: %s', (headers, verdict) =>
    expect(evaluate(headers, nothing)).toBe(verdict),
  );
});

describe('rangeApplies', () => {
  it.each<[string | undefined, boolean]>([
    [undefined, true],
    [ETAG, true],
    ['"x"', false],
    [`W/${ETAG}`, false],
    [TIME, true],
    [BEFORE, false],
    [AFTER, false],
    ['nonsense', false],
  ])('says of %s: %s', (condition, applies) =>
    expect(rangeApplies({ 'if-range': condition }, validators)).toBe(applies),
  );

  it('holds nothing for the same where nothing can be compared', () => {
    expect(rangeApplies({ 'if-range': ETAG }, nothing)).toBe(false);
    expect(rangeApplies({ 'if-range': 'nonsense' }, nothing)).toBe(false);
  });
});
