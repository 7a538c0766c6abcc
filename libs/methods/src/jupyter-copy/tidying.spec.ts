import { type OnFailure, Tidying } from './tidying';

const REASON = new Error('Cancelled by the test');

describe('tidying up', () => {
  let tidying: Tidying;
  let controller: AbortController;
  beforeEach(() => {
    tidying = new Tidying();
    controller = new AbortController();
  });

  /** Work that fails, and tidies up until it is told that it has. */
  const failing = (isSlow?: () => Promise<boolean>) => {
    let tidied!: () => void;
    const work = async (failed: OnFailure) => {
      failed(REASON, isSlow);
      await new Promise<void>((resolve) => (tidied = resolve));
      throw REASON;
    };
    return { running: tidying.run(controller.signal, work), tidied: () => tidied() };
  };

  it('hands on what work resolves with', async () => {
    await expect(tidying.run(controller.signal, () => Promise.resolve(7))).resolves.toBe(7);
    await tidying.settled();
  });

  it.each(['before', 'while'])(
    'does not keep whoever cancelled %s it waiting, but the stop of the service',
    async (when) => {
      if (when === 'before') controller.abort(REASON);
      const { running, tidied } = failing();
      if (when === 'while') controller.abort(REASON);
      await expect(running).rejects.toBe(REASON);
      let isSettled = false;
      const settled = tidying.settled().then(() => (isSettled = true));
      await new Promise(setImmediate);
      expect(isSettled).toBe(false);
      tidied();
      await settled;
    },
  );

  it('is waited for when nobody cancelled, or when it goes quickly', async () => {
    jest.useFakeTimers();
    try {
      for (const isSlow of [undefined, () => Promise.resolve(false)]) {
        const { running, tidied } = failing(isSlow);
        if (isSlow) controller.abort(REASON);
        let hasEnded = false;
        const ended = running.catch(() => (hasEnded = true));
        await jest.advanceTimersByTimeAsync(60_000);
        expect(hasEnded).toBe(false);
        tidied();
        await ended;
      }
    } finally {
      jest.useRealTimers();
    }
  });
});
