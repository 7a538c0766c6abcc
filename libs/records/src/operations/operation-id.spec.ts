import { isOperationId, lowestIdAt, newOperationId, timeOfOperationId } from './operation-id';

describe('ids of operations', () => {
  afterEach(() => jest.restoreAllMocks());

  it('are UUIDs of version 7 that always rise in one process', () => {
    const ids = Array.from({ length: 20_000 }, newOperationId);

    expect(ids.every(isOperationId)).toBe(true);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('rise although the clock is set back', () => {
    const before = newOperationId();
    jest.spyOn(Date, 'now').mockReturnValue(1_000_000_000_000);

    expect(newOperationId() > before).toBe(true);
  });

  it('tell when they were made, to the millisecond', () => {
    const before = Date.now();
    const time = timeOfOperationId(newOperationId()).getTime();

    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
    expect(timeOfOperationId('0199a1b2-c3d4-7000-8000-000000000000')).toEqual(new Date(0x0199a1b2c3d4));
  });

  it('of one time lie between the lowest of that time and of the next', () => {
    const id = newOperationId();
    const time = timeOfOperationId(id);

    expect(id >= lowestIdAt(time)).toBe(true);
    expect(id < lowestIdAt(new Date(time.getTime() + 1))).toBe(true);
    expect(lowestIdAt(new Date(-5))).toBe(lowestIdAt(new Date(0)));
  });

  it.each(['', 'x', '0199a1b2-c3d4-4000-8000-000000000000', '0199A1B2-C3D4-7000-8000-000000000000'])(
    'are not %j',
    (text) => expect(isOperationId(text)).toBe(false),
  );
});
