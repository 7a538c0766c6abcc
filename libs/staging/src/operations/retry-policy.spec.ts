import { AppError, ERROR_CODES, type ErrorCode } from '@app/core';
import { StagingRecord } from '@app/records';
import { attemptAfterInterruption, furtherAttemptAfter, isRetryable, retryValues } from './retry-policy';

const OPTIONS = { attempts: 4, delayMs: 1000 };

function record(overrides: Partial<StagingRecord> = {}): StagingRecord {
  const base = { id: 'one', status: 'running', background: true, attempts: 1, startedAt: new Date(5), history: null };
  return Object.assign(new StagingRecord(), base, overrides);
}
const failing = (code: ErrorCode) => new AppError(code, 'It failed.');

describe('automatic retries', () => {
  it('are for what passes by itself, and for nothing else', () => {
    const retried = ERROR_CODES.filter((code) => furtherAttemptAfter(record(), failing(code), OPTIONS));
    expect(retried.sort()).toEqual([
      'database_unavailable',
      'jupyter_timeout',
      'jupyter_unavailable',
      'shutting_down',
      'storage_unavailable',
    ]);
  });

  it('are not for what depends on a connection', () => {
    const retried = ERROR_CODES.filter((code) =>
      furtherAttemptAfter(record({ background: false }), failing(code), OPTIONS),
    );
    expect(retried).toEqual([]);
  });

  it('end after as many attempts as the site says, each pause about twice the one before', () => {
    const pauses = [1, 2, 3, 4].map((attempts) => {
      const again = furtherAttemptAfter(record({ attempts }), failing('storage_unavailable'), OPTIONS);
      return again && again.notBefore!.getTime() - Date.now();
    });
    for (const [index, expected] of [1000, 2000, 4000].entries()) {
      expect(pauses[index]).toBeGreaterThan(expected * 0.7);
      expect(pauses[index]).toBeLessThan(expected * 1.3);
    }
    expect(pauses[3]).toBeNull();
  });

  it('never pause longer than a quarter of an hour or so', () => {
    const again = furtherAttemptAfter(record({ attempts: 40 }), failing('storage_unavailable'), {
      attempts: 100,
      delayMs: 60_000,
    });
    expect(again!.notBefore!.getTime() - Date.now()).toBeLessThan(20 * 60_000);
  });

  it('keep the attempt that ended, and begin as if nothing had been done', () => {
    const before = record({ filesDone: 3, bytesDone: 5 });
    const { values } = furtherAttemptAfter(before, failing('storage_unavailable'), OPTIONS)!;
    const { history } = values;
    expect(values).toMatchObject({ status: 'queued', attempts: 2, bytesDone: null, startedAt: null });
    expect(history).toEqual([
      {
        attempt: 1,
        status: 'failure',
        errorCode: 'storage_unavailable',
        errorReason: 'It failed.',
        startedAt: new Date(5).toISOString(),
        endedAt: expect.any(String),
      },
    ]);
  });
});

describe('operations that a process took with it', () => {
  it('are taken up again, but not for ever', () => {
    let one = record();
    const attempts: (number | undefined)[] = [];
    for (let again = attemptAfterInterruption(one); again; again = attemptAfterInterruption(one)) {
      one = record(again.values);
      attempts.push(again.values.attempts);
    }
    expect(attempts).toEqual([2, 3, 4]);
    expect(one.history!.map((entry) => entry.status)).toEqual(['interrupted', 'interrupted', 'interrupted']);
  });

  it('are taken up again when somebody had them tried again after that', () => {
    const death = { status: 'interrupted', errorCode: null, errorReason: null, startedAt: null, endedAt: '' } as const;
    const failed = { ...death, status: 'failure', errorCode: 'internal_error' } as const;
    const ends = [death, death, death, failed, death, death, death].map((end, index) => ({
      ...end,
      attempt: index + 1,
    }));
    expect(attemptAfterInterruption(record({ history: ends.slice(0, 6), attempts: 7 }))).not.toBeNull();
    expect(attemptAfterInterruption(record({ history: ends, attempts: 8 }))).toBeNull();
  });

  it('are taken up again however often it stopped as it was told to', () => {
    let one = record();
    for (let stops = 0; stops < 30; stops += 1) {
      one = record(furtherAttemptAfter(one, failing('shutting_down'), OPTIONS)!.values);
    }
    expect(one.history!.at(-1)).toMatchObject({ status: 'interrupted', errorCode: 'shutting_down' });
    expect(attemptAfterInterruption(one)).toMatchObject({ values: { status: 'queued', attempts: 32 } });
  });

  it('are not, when they depended on a connection', () => {
    expect(attemptAfterInterruption(record({ background: false }))).toBeNull();
    expect(attemptAfterInterruption(record({ background: null }))).toBeNull();
  });
});

describe('retries on request', () => {
  it.each([
    ['cancelled', null, true],
    ['failure', 'source_not_found', true],
    ['failure', 'insufficient_storage', true],
    ['failure', 'path_outside_storage', false],
    ['failure', 'invalid_method', false],
    ['success', null, false],
    ['running', null, false],
    ['queued', null, false],
  ] as const)('of %s %s: %s', (status, errorCode, expected) => {
    expect(isRetryable({ status, errorCode })).toBe(expected);
  });

  it('depend on nobody from then on, and belong to this process', () => {
    const ended = {
      status: 'cancelled',
      errorReason: 'On request.',
      background: false,
      finishedAt: new Date(9),
    } as const;
    const values = retryValues(record(ended), 'me');
    expect(values).toMatchObject({
      background: true,
      owner: 'me',
      status: 'queued',
      notBefore: null,
      finishedAt: null,
    });
    expect(values.history).toMatchObject([
      { status: 'cancelled', errorReason: 'On request.', endedAt: new Date(9).toISOString() },
    ]);
  });
});
