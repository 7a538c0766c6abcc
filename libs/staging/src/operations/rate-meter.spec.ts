import { RateMeter } from './rate-meter';

describe('RateMeter', () => {
  let now = 0;
  const meter = () => new RateMeter(() => now);
  /** Bytes that come at a steady rate, in small pieces. */
  function run(one: RateMeter, milliseconds: number, perSecond: number, from = 0): number {
    let bytes = from;
    for (const end = now + milliseconds; now < end;) {
      now += 100;
      bytes += perSecond / 10;
      one.add(bytes);
    }
    return bytes;
  }
  beforeEach(() => (now = 0));

  it('tells nothing before it can', () => {
    const one = meter();
    expect(one.bytesPerSecond).toBeNull();
    one.add(0);
    run(one, 900, 1000);
    expect(one.bytesPerSecond).toBeNull();
    run(one, 200, 1000, 900);
    expect(one.bytesPerSecond).toBeCloseTo(1000, -2);
  });

  it('follows a change within seconds, and is not ruled by the past', () => {
    const one = meter();
    one.add(0);
    const bytes = run(one, 60_000, 1000);
    expect(one.bytesPerSecond).toBeCloseTo(1000, -2);
    run(one, 12_000, 5000, bytes);
    expect(one.bytesPerSecond).toBeGreaterThan(4500);
    expect(one.bytesPerSecond).toBeLessThan(5500);
  });

  it('falls when nothing comes', () => {
    const one = meter();
    one.add(0);
    const bytes = run(one, 10_000, 1000);
    now += 60_000;
    expect(one.bytesPerSecond).toBeLessThan(200);
    one.add(bytes);
    now += 20_000;
    one.add(bytes);
    expect(one.bytesPerSecond).toBe(0);
  });
});
