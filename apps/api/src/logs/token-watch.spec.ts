import { type Caller } from '@app/auth';
import { AppError } from '@app/core';
import { JUDGE_MS, watchToken } from './token-watch';

const OPERATOR: Caller = { role: 'operator', identity: 'olga', username: 'olga', expiresAt: null };

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function watch(judge: () => Promise<Caller>, expiresAt: Date | null = null) {
  const onEnd = jest.fn<void, [AppError]>();
  const judged = jest.fn(judge);
  return { stop: watchToken({ expiresAt, judge: judged, onEnd }), onEnd, judged };
}

it('a token is judged every minute', async () => {
  const { judged, onEnd } = watch(() => Promise.resolve(OPERATOR));
  await jest.advanceTimersByTimeAsync(3 * 60_000);
  expect(JUDGE_MS).toBe(60_000);
  expect(judged).toHaveBeenCalledTimes(3);
  expect(onEnd).not.toHaveBeenCalled();
});

it.each([
  ['somebody is no operator any more', () => Promise.resolve({ ...OPERATOR, role: 'user' } as Caller), 'forbidden'],
  ['it is not accepted any more', () => Promise.reject(new AppError('unauthorized', 'No.')), 'unauthorized'],
])('it ends when %s, and that is told once', async (_why, judge, code) => {
  const { judged, onEnd } = watch(judge);
  await jest.advanceTimersByTimeAsync(5 * JUDGE_MS);
  expect(onEnd.mock.calls).toMatchObject([[{ code }]]);
  expect(judged).toHaveBeenCalledTimes(1);
});

it('it ends by itself, also while nobody can judge it', async () => {
  const away = () => Promise.reject(new AppError('auth_unavailable', 'The provider is away.'));
  const { onEnd, judged } = watch(away, new Date(Date.now() + 2.5 * JUDGE_MS));
  await jest.advanceTimersByTimeAsync(2 * JUDGE_MS);
  expect(judged).toHaveBeenCalledTimes(2);
  expect(onEnd).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(JUDGE_MS);
  expect(onEnd.mock.calls).toMatchObject([[{ code: 'unauthorized' }]]);
});

it('who went is told nothing, not even of what is judged just then', async () => {
  let refuse: (reason: AppError) => void = () => undefined;
  const judgement = new Promise<Caller>((_resolve, reject) => (refuse = reject));
  const { stop, onEnd } = watch(() => judgement, new Date(Date.now() + 2 * JUDGE_MS));
  await jest.advanceTimersByTimeAsync(JUDGE_MS);
  stop();
  refuse(new AppError('unauthorized', 'No.'));
  await jest.advanceTimersByTimeAsync(3 * JUDGE_MS);
  expect(onEnd).not.toHaveBeenCalled();
});
