/**
 * Shared memory between the service and its workers: a worker that is inside a long row of synchronous calls reads no
 * messages, so cancel, progress and signs of life go this way.
 */

/** Thrown in a worker when its operation was cancelled; the service sees its own signal's reason instead. */
export class CancelledError extends Error {
  constructor() {
    super('The operation was cancelled');
    this.name = 'CancelledError';
  }
}

const CANCEL = 0;
const UNREAD = 1;
const GATE = 2;
const COUNTERS_OFFSET = 16;
const COUNTERS = 4;
const TEXT_OFFSET = COUNTERS_OFFSET + COUNTERS * 8;
/** Bytes of a path that are kept: of a longer one its last names. */
const TEXT_BYTES = 1024;
const LEDGER_BYTES = TEXT_OFFSET + 8 + TEXT_BYTES;

/** What a worker reports to ask whether it may publish. */
export const ASK_TO_PUBLISH = 'ask to publish';

/** Marks a total that is not known. */
const UNKNOWN = -1n;

/**
 * One operation's shared state: a cancel flag, counters of what is done and what there is to do, the path that is worked
 * on, and back-pressure for what workers report.
 */
export class Ledger {
  private readonly flags: Int32Array;
  private readonly counters: BigInt64Array;
  /** A lock that nobody waits for, and the length of the text. */
  private readonly textState: Int32Array;
  private readonly text: Buffer;
  private lastPath: string | null = null;

  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(LEDGER_BYTES);
    this.flags = new Int32Array(this.memory, 0, 4);
    this.counters = new BigInt64Array(this.memory, COUNTERS_OFFSET, COUNTERS);
    this.textState = new Int32Array(this.memory, TEXT_OFFSET, 2);
    this.text = Buffer.from(this.memory, TEXT_OFFSET + 8, TEXT_BYTES);
    if (memory === undefined) this.counters.fill(UNKNOWN, 2);
  }

  readonly memory: SharedArrayBuffer;

  cancel(): void {
    Atomics.store(this.flags, CANCEL, 1);
    Atomics.notify(this.flags, UNREAD);
    Atomics.notify(this.flags, GATE);
  }

  get cancelled(): boolean {
    return Atomics.load(this.flags, CANCEL) === 1;
  }

  addBytes(count: number): void {
    Atomics.add(this.counters, 0, BigInt(count));
  }

  addFiles(count: number): void {
    Atomics.add(this.counters, 1, BigInt(count));
  }

  /** Bytes done so far, in all threads. */
  get bytes(): number {
    return Number(Atomics.load(this.counters, 0));
  }

  /** Files and kept links done so far, in all threads. */
  get files(): number {
    return Number(Atomics.load(this.counters, 1));
  }

  /** Says how much there is to do; null for what is not known. */
  expect(files: number | null, bytes: number | null): void {
    Atomics.store(this.counters, 2, bytes === null ? UNKNOWN : BigInt(bytes));
    Atomics.store(this.counters, 3, files === null ? UNKNOWN : BigInt(files));
  }

  /** Bytes that there are in all; null as long as that is not known. */
  get bytesTotal(): number | null {
    return totalOf(Atomics.load(this.counters, 2));
  }

  /** Files and kept links that there are in all; null as long as that is not known. */
  get filesTotal(): number | null {
    return totalOf(Atomics.load(this.counters, 3));
  }

  /** Says which file is worked on, as raw bytes. Where another thread says the same just now, its word counts. */
  workOn(path: string): void {
    if (Atomics.compareExchange(this.textState, 0, 0, 1) !== 0) return;
    this.textState[1] = this.text.write(path.length <= TEXT_BYTES ? path : endOf(path), 'latin1');
    Atomics.store(this.textState, 0, 0);
  }

  /** The file that some thread works on; null when none has said so. */
  get path(): string | null {
    if (Atomics.compareExchange(this.textState, 0, 0, 1) !== 0) return this.lastPath;
    const length = this.textState[1]!;
    this.lastPath = length === 0 ? null : this.text.toString('latin1', 0, length);
    Atomics.store(this.textState, 0, 0);
    return this.lastPath;
  }

  /** Lets a worker go on that waits in {@link waitForGate}. */
  openGate(): void {
    Atomics.store(this.flags, GATE, 1);
    Atomics.notify(this.flags, GATE);
  }

  /** Waits until the service opens the gate or cancels; used in workers only. */
  waitForGate(beat: () => void): void {
    while (Atomics.load(this.flags, GATE) === 0 && !this.cancelled) {
      Atomics.wait(this.flags, GATE, 0, 200);
      beat();
    }
  }

  /** Counts a report as sent, and waits while the service has too many unread; used in workers only. */
  sent(limit: number, beat: () => void): void {
    Atomics.add(this.flags, UNREAD, 1);
    for (let unread = Atomics.load(this.flags, UNREAD); unread > limit && !this.cancelled;) {
      Atomics.wait(this.flags, UNREAD, unread, 200);
      beat();
      unread = Atomics.load(this.flags, UNREAD);
    }
  }

  /** Counts a report as read. */
  read(): void {
    Atomics.sub(this.flags, UNREAD, 1);
    Atomics.notify(this.flags, UNREAD);
  }
}

/** The last names of a path that is too long for the text: no name is cut, which may be of several bytes a letter. */
function endOf(path: string): string {
  const end = path.slice(-(TEXT_BYTES - 3));
  return `...${end.slice(Math.max(0, end.indexOf('/')))}`;
}

function totalOf(count: bigint): number | null {
  return count === UNKNOWN ? null : Number(count);
}

const BEAT = 0;
const WHERE = 1;
const PATIENCE = 2;

/** One worker's signs of life: a beat before each call that may block, and the root that it is about to touch. */
export class Pulse {
  private readonly cells: Int32Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(12)) {
    this.cells = new Int32Array(memory);
  }

  beat(): void {
    Atomics.add(this.cells, BEAT, 1);
  }

  get beats(): number {
    return Atomics.load(this.cells, BEAT);
  }

  touch(ordinal: number): void {
    Atomics.store(this.cells, WHERE, ordinal);
    this.beat();
  }

  /** The root that the worker touched last, by its number. */
  get where(): number {
    return Atomics.load(this.cells, WHERE);
  }

  /** How many times the usual time-out the present call may take (a flush of much data takes long). */
  set patience(times: number) {
    Atomics.store(this.cells, PATIENCE, times);
    this.beat();
  }

  get patience(): number {
    return Math.max(1, Atomics.load(this.cells, PATIENCE));
  }
}

/** Number of the root of the user areas (`RootSpec.ordinal`). */
const TARGET_ORDINAL = 0;

/** A flush may rightly take this many times `STORAGE_TIMEOUT_SECONDS`. */
const FLUSH_PATIENCE = 20;

/** Operations that take longer than this ask before they publish. */
const ASK_AFTER_MS = 1000;

/** What engine code sees of its operation and worker. */
export class WorkerControl {
  private readonly startedAt = Date.now();
  private storage = TARGET_ORDINAL;

  constructor(
    private readonly ledger: Ledger,
    private readonly pulse: Pulse,
    private readonly report: (data: unknown) => void,
  ) {}

  /** Before each call that may block: a sign of life, and the end when the operation was cancelled. */
  step(): void {
    this.pulse.beat();
    if (this.ledger.cancelled) throw new CancelledError();
  }

  readonly touch = (ordinal: number): void => {
    this.pulse.touch(ordinal);
  };

  /** Says that the next calls read from a storage, by default the one that was read last: should they hang, it is it. */
  reading(ordinal = this.storage): void {
    this.storage = ordinal;
    this.pulse.touch(ordinal);
  }

  /** Number of the storage that was read last. */
  get storageRead(): number {
    return this.storage;
  }

  /** Says that the next calls go to the user areas. */
  writing(): void {
    this.pulse.touch(TARGET_ORDINAL);
  }

  bytes(count: number): void {
    this.ledger.addBytes(count);
  }

  files(count: number): void {
    this.ledger.addFiles(count);
  }

  /** Says how much there is to do in all. */
  expect(files: number, bytes: number): void {
    this.ledger.expect(files, bytes);
  }

  /** Says which file of a tree is worked on. */
  workOn(path: string): void {
    this.ledger.workOn(path);
  }

  /** Runs a call that may take long although all is well. */
  patiently<T>(work: () => T): T {
    this.pulse.patience = FLUSH_PATIENCE;
    try {
      return work();
    } finally {
      this.pulse.patience = 1;
    }
  }

  /**
   * Before a result becomes visible: asks the service whether it may. What was begun a moment ago needs no asking, so
   * that small files cost no extra round.
   */
  askToPublish(): void {
    this.step();
    if (Date.now() - this.startedAt < ASK_AFTER_MS) return;
    this.report(ASK_TO_PUBLISH);
    this.ledger.waitForGate(() => this.pulse.beat());
    this.step();
  }

  /** Sends something to the service in the middle of a task; waits while it has more than `ahead` of these unread. */
  emit(data: unknown, ahead = 32): void {
    this.report(data);
    this.ledger.sent(ahead, () => this.pulse.beat());
    if (this.ledger.cancelled) throw new CancelledError();
  }
}
