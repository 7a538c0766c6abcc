import { Ledger } from '../pool/control';
import { type HeldRunOptions } from './held-source';

/** What goes with the reading of reports. */
export interface ReportOptions<T> {
  signal: AbortSignal;
  ledger?: Ledger;
  /** Receives each report that nobody will read. */
  discard?: (report: T) => void;
}

/**
 * Starts a task and yields what it reports, in order; the task may go on to the next as soon as one is done with. Ends
 * with the task, or throws its error or the signal's reason. When that happens, or the reader stops early, the task is
 * cancelled and what was not read is discarded.
 */
export async function* reportsOf<T>(
  start: (options: HeldRunOptions) => Promise<unknown>,
  { signal, ledger = new Ledger(), discard = () => undefined }: ReportOptions<T>,
): AsyncGenerator<T> {
  const unread: T[] = [];
  let state: 'running' | 'done' | 'stopped' = 'running';
  let wake = () => {};
  const drop = (report: T) => {
    discard(report);
    ledger.read();
  };
  const stop = () => {
    state = 'stopped';
    ledger.cancel();
    unread.splice(0).forEach(drop);
    wake();
  };
  const onReport = (data: unknown) => {
    if (state === 'stopped') drop(data as T);
    else unread.push(data as T);
    wake();
  };
  const work = start({ signal, ledger, onReport });
  work.then(() => {
    state = 'done';
    wake();
  }, stop);
  try {
    for (;;) {
      signal.throwIfAborted();
      const report = unread.shift();
      if (report !== undefined) {
        yield report;
        ledger.read();
      } else if (state === 'running') await new Promise<void>((resolve) => (wake = resolve));
      else break;
    }
    await work;
  } finally {
    stop();
  }
}
