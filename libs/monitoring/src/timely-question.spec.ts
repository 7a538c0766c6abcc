import { TimelyQuestion } from './timely-question';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('TimelyQuestion', () => {
  it('gives the answer, and asks anew the next time', async () => {
    const put = jest.fn(() => Promise.resolve(1));
    const question = new TimelyQuestion(put, 1000);
    expect(await question.answer('late')).toBe(1);
    expect(await question.answer('late')).toBe(1);
    expect(put).toHaveBeenCalledTimes(2);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('fails as what is asked does, and asks anew the next time', async () => {
    const put = jest.fn(() => Promise.reject(new Error('away')));
    const question = new TimelyQuestion(put, 1000);
    await expect(question.answer('late')).rejects.toThrow('away');
    await expect(question.answer('late')).rejects.toThrow('away');
    expect(put).toHaveBeenCalledTimes(2);
  });

  it('waits no longer than it should, and does not ask again what has not answered', async () => {
    let fail: (error: Error) => void;
    const put = jest.fn(() => new Promise<number>((_resolve, reject) => (fail = reject)));
    const question = new TimelyQuestion(put, 1000);
    const answers = Promise.all([question.answer('late'), question.answer('late')]);
    await jest.advanceTimersByTimeAsync(1000);
    expect(await answers).toEqual(['late', 'late']);
    const third = question.answer('late');
    await jest.advanceTimersByTimeAsync(1000);
    expect(await third).toBe('late');
    expect(put).toHaveBeenCalledTimes(1);
    // What fails when nobody waits any more disturbs nobody.
    fail!(new Error('away'));
    await jest.advanceTimersByTimeAsync(0);
    put.mockResolvedValue(5);
    expect(await question.answer('late')).toBe(5);
  });
});
