import { Ledger } from '../pool/control';
import { type TaskInput, type TaskKind } from '../pool/tasks';
import { type HeldSource } from './held-source';

/** What goes with the reading of reports. */
export interface ReportOptions<T> {
  signal: AbortSignal;
  ledger?: Ledger;
  /** Receives each report that nobody will read. */
  discard?: (report: T) => void;
}

/**
 * Runs a task and yields what it reports, in order; the task may go on to the next as soon as one is done with. When
 * the reader stops early, or the signal is aborted, the task is cancelled and the rest is discarded. Ends with the
 * task; throws its error, or the signal's reason.
 */
export async function* reportsOf<T>(
  source: HeldSource,
  kind: TaskKind,
  input: TaskInput<TaskKind>,
  { signal, ledger = new Ledger(), discard = () => undefined }: ReportOptions<T>,
): AsyncGenerator<T> {
  const unread: T[] = [];
  const end: { how?: 'done' | 'stopped'; wake?: () => void } = {};
  const onReport = (data: unknown) => {
    if (end.how === 'stopped') drop(data as T);
    else unread.push(data as T);
    end.wake?.();
  };
  const drop = (report: T) => {
    discard(report);
    ledger.read();
  };
  const work = source.run(kind, input, { signal, ledger, onReport });
  const wake = () => {
    end.how ??= 'done';
    end.wake?.();
  };
  work.then(wake, wake);
  try {
    for (;;) {
      signal.throwIfAborted();
      const report = unread.shift();
      if (report !== undefined) {
        yield report;
        ledger.read();
      } else if (end.how === undefined) await new Promise<void>((resolve) => (end.wake = resolve));
      else break;
    }
    await work;
  } finally {
    end.how = 'stopped';
    ledger.cancel();
    unread.splice(0).forEach(drop);
  }
}
