/** A line on its way to other processes. */
export interface CarriedLine {
  /** The log that it comes from: the same after a restart of the process, where the log has a file. */
  source: string;
  /** One run of the process. */
  run: string;
  /** Rises with each line of the run. */
  number: number;
  text: string;
}

const MAX_NAME = 4608;
const MAX_RUNS = 1000;

/** The line as fields of an entry of the stream. */
export function writeFields({ source, run, number, text }: CarriedLine): string[] {
  return ['source', source, 'run', run, 'number', String(number), 'line', text];
}

/** The line that an entry of the stream is; undefined for what no relay wrote. */
export function readFields(fields: readonly string[]): CarriedLine | undefined {
  const [sourceName, source, runName, run, numberName, number, lineName, text] = fields;
  const names = [sourceName, runName, numberName, lineName].join();
  if (names !== 'source,run,number,line' || text === undefined || !/^\d{1,15}$/.test(number!)) return undefined;
  if (source!.length > MAX_NAME || run!.length > MAX_NAME) return undefined;
  return { source: source!, run: run!, number: Number(number), text };
}

/**
 * Tells lines that come for the first time from those that were written twice, because the writer did not learn that the
 * first time had worked, and those that are missing. Lines of a run come in order and are numbered without a gap, so the
 * number of its last one is enough; of the last 1000 runs.
 */
export class SeenLines {
  private readonly last = new Map<string, number>();
  /** Lines that should have come between others and did not. */
  missing = 0;

  isNew({ run, number }: CarriedLine): boolean {
    const last = this.last.get(run);
    if (last !== undefined && number <= last) return false;
    if (last !== undefined) this.missing += number - last - 1;
    // Behind all others: the first of the map is the one that was silent for longest.
    this.last.delete(run);
    this.last.set(run, number);
    if (this.last.size > MAX_RUNS) this.last.delete(this.last.keys().next().value!);
    return true;
  }
}
