import { testEntry } from '../testing/test-records';
import { MAX_KINDS, RepeatedEntries } from './repeated-entries';

const denied = (values = {}) => testEntry({ decision: 'denied', status: 403, code: 'forbidden', ...values });

describe('repeated entries', () => {
  it('are counted, the last of a kind standing for all', () => {
    const repeated = new RepeatedEntries();
    expect(repeated.isFirst(denied({ requestId: 'one' }))).toBe(true);
    expect(repeated.isFirst(denied({ requestId: 'two' }))).toBe(false);
    expect(repeated.isFirst(denied({ requestId: 'three' }))).toBe(false);
    expect(repeated.isEmpty).toBe(false);
    expect(repeated.end()).toEqual([{ entry: denied({ requestId: 'three' }), times: 2 }]);
    expect(repeated.end()).toEqual([]);
    expect(repeated.isFirst(denied())).toBe(true);
  });

  it('of somebody who is known are told apart by what they are about', () => {
    const repeated = new RepeatedEntries();
    const kinds = [
      {},
      { caller: 'other' },
      { request: 'GET /logs' },
      { code: 'unauthorized' },
      { operationId: 'one' },
      { operationId: 'other' },
      { batchId: 'one' },
      { username: 'bob' },
    ];
    for (const kind of kinds) expect(repeated.isFirst(denied(kind))).toBe(true);
    for (const kind of kinds) expect(repeated.isFirst(denied({ ...kind, address: '192.0.2.9' }))).toBe(false);
    expect(repeated.end().map(({ times }) => times)).toEqual(kinds.map(() => 1));
  });

  it('of strangers are told apart by where they are, not by what they name', () => {
    const repeated = new RepeatedEntries();
    expect(repeated.isFirst(denied({ caller: null, username: 'one' }))).toBe(true);
    expect(repeated.isFirst(denied({ caller: null, username: 'two' }))).toBe(false);
    expect(repeated.isFirst(denied({ caller: null, address: '192.0.2.9' }))).toBe(true);
  });

  it('beyond so many kinds stand for no one in particular', () => {
    const repeated = new RepeatedEntries();
    for (let kind = 0; kind < MAX_KINDS; kind += 1) expect(repeated.isFirst(denied({ caller: `${kind}` }))).toBe(true);
    for (let kind = 0; kind < 5; kind += 1) expect(repeated.isFirst(denied({ caller: `more ${kind}` }))).toBe(false);
    expect(repeated.end()).toEqual([
      {
        entry: denied({
          caller: null,
          callerName: null,
          role: null,
          address: null,
          request: 'various',
          asked: null,
          username: null,
          requestId: null,
        }),
        times: 5,
      },
    ]);
  });
});
