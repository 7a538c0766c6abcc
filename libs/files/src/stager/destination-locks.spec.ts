import { DestinationLocks } from './destination-locks';

/** Work that lasts until it is told to end. */
function lasting() {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { end, ended };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const never = () => new AbortController().signal;

describe('DestinationLocks', () => {
  it('let one after the other do its work, in the order of asking', async () => {
    const locks = new DestinationLocks();
    const order: string[] = [];
    const first = lasting();
    const work = (name: string, until: () => Promise<void>) =>
      locks.hold('key', never(), async () => {
        order.push(`${name} begins`);
        await until();
        order.push(`${name} ends`);
        return name;
      });
    const all = [
      work('a', () => first.ended),
      work('b', () => Promise.resolve()),
      work('c', () => Promise.reject(new Error('fails'))),
    ];
    const elsewhere = await locks.hold('other key', undefined, () => Promise.resolve('elsewhere'));
    await turn();
    expect([elsewhere, ...order]).toEqual(['elsewhere', 'a begins']);
    first.end();
    await expect(Promise.allSettled(all)).resolves.toMatchObject([
      { value: 'a' },
      { value: 'b' },
      { status: 'rejected' },
    ]);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins']);
  });

  it.each(['before it waits', 'while it waits'])(
    'are not opened for the next by one that is cancelled %s',
    async (when) => {
      const locks = new DestinationLocks();
      const held = lasting();
      const controller = new AbortController();
      const reason = new Error('no longer');
      const first = locks.hold('key', undefined, () => held.ended);
      if (when.startsWith('before')) controller.abort(reason);
      const never = jest.fn();
      const second = locks.hold('key', controller.signal, () => Promise.resolve(never()));
      const refused = expect(second).rejects.toBe(reason);
      const third = jest.fn();
      await turn();
      controller.abort(reason);
      await refused;
      const last = locks.hold('key', undefined, () => Promise.resolve(third()));
      await turn();
      expect(third).not.toHaveBeenCalled();
      held.end();
      await Promise.all([first, last]);
      expect(third).toHaveBeenCalled();
      expect(never).not.toHaveBeenCalled();
    },
  );

  it('are forgotten when nobody holds them any more', async () => {
    const locks = new DestinationLocks();
    await Promise.all(['a', 'b', 'a'].map((key) => locks.hold(key, undefined, turn)));
    await turn();
    expect(Reflect.get(locks, 'tails')).toEqual(new Map());
  });
});
