import { TroubleNotice } from './trouble-notice';

describe('TroubleNotice', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 1_700_000_000_000 });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('tells at most once a minute', () => {
    const told: unknown[] = [];
    const notice = new TroubleNotice((error) => told.push(error));
    for (let second = 0; second < 120; second += 1) {
      notice.report(second);
      jest.advanceTimersByTime(1000);
    }
    expect(told).toEqual([0, 60]);
  });
});
