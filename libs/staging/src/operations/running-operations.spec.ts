import { RunningOperations } from './running-operations';

/** Work that ends when it is told to, or with the reason of its signal. */
function controllable() {
  let finish!: () => void;
  const work = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      finish = () => resolve('finished');
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  return { work, finish: () => finish() };
}

describe('RunningOperations', () => {
  it('waits for what runs, and takes nothing more meanwhile', async () => {
    const running = new RunningOperations();
    const { work, finish } = controllable();
    const result = running.run('one', work);
    expect(running.ids).toEqual(['one']);
    const drained = running.drain(60_000);
    await expect(running.run('two', () => Promise.resolve())).rejects.toMatchObject({
      code: 'shutting_down',
      retryable: true,
      retryAfterSeconds: expect.any(Number),
    });
    finish();
    await expect(result).resolves.toBe('finished');
    await drained;
    expect(running.ids).toEqual([]);
  });

  it('aborts what does not finish within the grace, and waits until it has cleaned up', async () => {
    const running = new RunningOperations();
    let cleaned = false;
    const result = running.run('one', async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await Promise.resolve();
      cleaned = true;
      throw signal.reason as Error;
    });
    await Promise.all([running.drain(0), expect(result).rejects.toMatchObject({ code: 'shutting_down' })]);
    expect(cleaned).toBe(true);
  });

  it('ends at once when nothing runs', async () => {
    const running = new RunningOperations();
    await running.drain(60_000);
    expect(running.accepting).toBe(false);
  });
});
