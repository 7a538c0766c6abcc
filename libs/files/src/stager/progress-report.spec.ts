import fc from 'fast-check';
import { Ledger } from '../pool/control';
import { type Placement, type PlaceProgress } from './placement';
import { ProgressReport } from './progress-report';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const placement = (files: number, bytes: number) => ({ outcome: 'staged', files, bytes }) as Placement;

function reporting(): { told: PlaceProgress[]; report: ProgressReport; ledger: Ledger } {
  const told: PlaceProgress[] = [];
  const report = new ProgressReport({ onProgress: (progress) => told.push(progress) });
  const ledger = new Ledger();
  report.follow(ledger);
  return { told, report, ledger };
}

it('tells what changed a few times a second, and the end', () => {
  const { told, report, ledger } = reporting();
  jest.advanceTimersByTime(1000);
  expect(told).toEqual([]);
  ledger.expect(2, 10);
  ledger.addBytes(4);
  ledger.workOn('one');
  jest.advanceTimersByTime(1000);
  expect(told).toEqual([{ filesTotal: 2, filesDone: 0, bytesTotal: 10, bytesDone: 4, currentPath: 'one' }]);
  for (let times = 0; times < 10; times += 1) {
    ledger.addBytes(1);
    jest.advanceTimersByTime(100);
  }
  expect(told.length).toBe(6);
  report.complete(placement(2, 14));
  jest.advanceTimersByTime(1000);
  expect(told.at(-1)).toEqual({ filesTotal: 2, filesDone: 2, bytesTotal: 14, bytesDone: 14, currentPath: null });
  expect([told.length, jest.getTimerCount()]).toEqual([7, 0]);
});

it('tells nothing of what was there already, and of nothing once it is stopped', () => {
  const { told, report, ledger } = reporting();
  report.complete({ ...placement(0, 0), outcome: 'already_present', files: null, bytes: null });
  ledger.addBytes(1);
  jest.advanceTimersByTime(1000);
  report.follow(new Ledger());
  report.stop();
  expect([told, jest.getTimerCount()]).toEqual([[], 0]);
});

it('never goes back, whatever a placement that begins anew finds', () => {
  const count = fc.nat({ max: 1000 });
  const tries = fc.array(
    fc.record({ files: count, bytes: count, isKnown: fc.boolean(), steps: fc.array(fc.tuple(count, count)) }),
  );
  fc.assert(
    fc.property(tries, (all) => {
      const { told, report } = reporting();
      for (const { files, bytes, isKnown, steps } of all) {
        const ledger = new Ledger();
        report.follow(ledger);
        if (isKnown) ledger.expect(files, bytes);
        for (const [moreFiles, moreBytes] of steps) {
          ledger.addFiles(moreFiles);
          ledger.addBytes(moreBytes);
          jest.advanceTimersByTime(200);
        }
      }
      report.stop();
      for (const [index, now] of told.entries()) {
        const before = told[index - 1];
        if (before) {
          expect(now.filesDone).toBeGreaterThanOrEqual(before.filesDone);
          expect(now.bytesDone).toBeGreaterThanOrEqual(before.bytesDone);
          expect(before.filesTotal !== null && now.filesTotal === null).toBe(false);
        }
        if (now.filesTotal !== null) expect(now.filesDone).toBeLessThanOrEqual(now.filesTotal);
        if (now.bytesTotal !== null) expect(now.bytesDone).toBeLessThanOrEqual(now.bytesTotal);
      }
    }),
  );
});
