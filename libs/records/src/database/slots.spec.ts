import { Slots } from './slots';

describe('slots', () => {
  it('go to those who wait in the order of their coming', async () => {
    const slots = new Slots(1);
    const order: number[] = [];
    await slots.take(1000);
    const waiting = [1, 2, 3].map((number) => slots.take(1000).then(() => order.push(number)));

    for (const next of waiting) {
      slots.give();
      await next;
    }

    expect(order).toEqual([1, 2, 3]);
  });

  it('are not waited for longer than wanted, and then not given to who has gone', async () => {
    const slots = new Slots(1);
    await slots.take(1000);
    await expect(slots.take(1)).rejects.toThrow(/became free/);

    slots.give();

    await expect(slots.take(1)).resolves.toBeUndefined();
    await expect(slots.take(1)).rejects.toThrow(/became free/);
  });
});
