import { AppError } from '@app/core';
import { DestinationTaken, OtherFileSystem } from '../engine/publish';
import { ASK_TO_PUBLISH, CancelledError, Ledger, Pulse, WorkerControl } from './control';
import { fromPlainError, toPlainError } from './messages';

describe('Ledger', () => {
  it('is the same in each thread that has its memory', () => {
    const ledger = new Ledger();
    const other = new Ledger(ledger.memory);
    other.addBytes(2 ** 40);
    other.addBytes(1);
    other.addFiles(3);
    expect([ledger.bytes, ledger.files, ledger.cancelled]).toEqual([2 ** 40 + 1, 3, false]);
    ledger.cancel();
    expect(other.cancelled).toBe(true);
  });

  it('tells how much there is to do once that is known, and which file is worked on', () => {
    const ledger = new Ledger();
    const other = new Ledger(ledger.memory);
    expect([other.filesTotal, other.bytesTotal, other.path]).toEqual([null, null, null]);
    ledger.expect(3, 2 ** 41);
    ledger.workOn('dir/caf\xe9');
    expect([other.filesTotal, other.bytesTotal, other.path]).toEqual([3, 2 ** 41, 'dir/caf\xe9']);
    ledger.expect(3, null);
    ledger.workOn('b');
    expect([other.bytesTotal, other.path]).toEqual([null, 'b']);
    ledger.workOn(`${'long/'.repeat(500)}end`);
    expect(other.path).toMatch(/^\.\.\.[^]*\/long\/end$/);
    expect(other.path!.length).toBeGreaterThan(1000);
    expect(other.path!.length).toBeLessThanOrEqual(1024);
    ledger.workOn(`${'\xc3\xa9\xc3\xa9/'.repeat(500)}end`);
    expect(other.path).toMatch(/^\.\.\.\/\xc3[^]*\/end$/);
  });

  it('lets a sender go on below the limit, or when all is cancelled', () => {
    const ledger = new Ledger();
    const beat = jest.fn(() => ledger.read());
    ledger.sent(2, beat);
    ledger.sent(2, beat);
    expect(beat).not.toHaveBeenCalled();
    ledger.sent(2, beat);
    expect(beat).toHaveBeenCalledTimes(1);
    const cancelling = jest.fn(() => ledger.cancel());
    ledger.sent(0, cancelling);
    expect(cancelling).toHaveBeenCalledTimes(1);
  });

  it('keeps a gate shut until it is opened or cancelled', () => {
    const opened = new Ledger();
    opened.waitForGate(() => opened.openGate());
    opened.waitForGate(() => {
      throw new Error('waited at an open gate');
    });
    const cancelled = new Ledger();
    cancelled.waitForGate(() => cancelled.cancel());
    expect(cancelled.cancelled).toBe(true);
  });
});

describe('WorkerControl', () => {
  it('gives a sign of life with each step, and ends what was cancelled', () => {
    const [ledger, pulse] = [new Ledger(), new Pulse()];
    const control = new WorkerControl(ledger, pulse, () => undefined);
    control.step();
    expect(pulse.beats).toBe(1);
    ledger.cancel();
    expect(() => control.step()).toThrow(CancelledError);
    expect(() => control.emit([])).toThrow(CancelledError);
  });

  it('says which root it is about to touch', () => {
    const pulse = new Pulse();
    const control = new WorkerControl(new Ledger(), pulse, () => undefined);
    const seen = [
      () => control.touch(2),
      () => control.writing(),
      () => control.reading(3),
      () => control.writing(),
      () => control.reading(),
    ];
    expect(seen.map((say) => (say(), pulse.where))).toEqual([2, 0, 3, 0, 3]);
    expect(pulse.beats).toBe(5);
  });

  it('has patience for as long as a call takes', () => {
    const pulse = new Pulse();
    const control = new WorkerControl(new Ledger(), pulse, () => undefined);
    expect(pulse.patience).toBe(1);
    expect(control.patiently(() => pulse.patience)).toBe(20);
    expect(() =>
      control.patiently(() => {
        throw new Error('x');
      }),
    ).toThrow('x');
    expect(pulse.patience).toBe(1);
  });

  it('asks before it publishes only what took a second', () => {
    const now = jest.spyOn(Date, 'now').mockReturnValue(1_000_000);
    const ledger = new Ledger();
    const report = jest.fn(() => ledger.openGate());
    const control = new WorkerControl(ledger, new Pulse(), report);
    now.mockReturnValue(1_000_999);
    control.askToPublish();
    expect(report).not.toHaveBeenCalled();
    now.mockReturnValue(1_001_000);
    control.askToPublish();
    expect(report).toHaveBeenCalledWith(ASK_TO_PUBLISH);
    now.mockRestore();
  });
});

describe('errors between threads', () => {
  const over = (error: unknown) => fromPlainError(structuredClone(toPlainError(error)));

  it('keep what they say of the project, and their cause', () => {
    const cause = Object.assign(new Error('EIO: gone'), { code: 'EIO' });
    const error = new AppError('storage_unavailable', 'Away.', {
      cause,
      retryable: true,
      retryAfterSeconds: 7,
      errors: [{ field: 'a', message: 'b' }],
    });
    const back = over(error);
    expect(back).toBeInstanceOf(AppError);
    expect(back).toMatchObject({
      code: 'storage_unavailable',
      message: 'Away.',
      retryable: true,
      retryAfterSeconds: 7,
      errors: error.errors,
    });
    expect(back.stack).toBe(error.stack);
    expect(back.cause).toMatchObject({ message: 'EIO: gone', code: 'EIO' });
  });

  it('stay what the service tells apart', () => {
    expect(over(new CancelledError())).toBeInstanceOf(CancelledError);
    expect(over(new DestinationTaken())).toBeInstanceOf(DestinationTaken);
    expect(over(new OtherFileSystem(new Error('EXDEV')))).toBeInstanceOf(OtherFileSystem);
    expect(over(new TypeError('odd'))).toMatchObject({ name: 'TypeError', message: 'odd' });
    expect(over('no error at all')).toMatchObject({ message: 'no error at all' });
  });
});
