/** A line and its number among all of this process. */
export interface NumberedLine {
  number: number;
  text: string;
}

/** What may wait, and what goes at once. */
export interface LineBufferLimits {
  lines: number;
  characters: number;
  batchLines: number;
  batchCharacters: number;
}

/** Lines that the stream keeps, about: Redis cuts it by whole blocks, and never below. */
export const STREAM_LINES = 20_000;

const LIMITS: LineBufferLimits = {
  // More would push one another out of the stream before anybody has read them.
  lines: STREAM_LINES,
  characters: 16_777_216,
  batchLines: 500,
  batchCharacters: 524_288,
};

/** Lines that wait to be passed on: so many and so much at most. Those that find no room are dropped and counted. */
export class LineBuffer {
  private readonly waiting: NumberedLine[] = [];
  private characters = 0;
  private next = 0;
  private dropped = 0;

  constructor(private readonly limits = LIMITS) {}

  get size(): number {
    return this.waiting.length;
  }

  push(text: string): void {
    const { lines, characters } = this.limits;
    if (this.waiting.length >= lines || this.characters + text.length > characters) {
      this.dropped += 1;
      return;
    }
    this.waiting.push({ number: this.next, text });
    this.next += 1;
    this.characters += text.length;
  }

  /** The oldest lines, as many as go at once, but at least one where one waits; they stay until they are removed. */
  batch(): NumberedLine[] {
    const most = this.waiting.slice(0, this.limits.batchLines);
    let characters = 0;
    const first = most.findIndex(({ text }) => (characters += text.length) > this.limits.batchCharacters);
    return first === -1 ? most : most.slice(0, Math.max(1, first));
  }

  /** Removes the oldest lines. */
  remove(count: number): void {
    for (const { text } of this.waiting.splice(0, count)) this.characters -= text.length;
  }

  /**
   * How many were dropped since this was last told. Zero while more than half of the room is taken: where more comes than
   * goes, telling must not add to it.
   */
  tellDropped(): number {
    const { lines, characters } = this.limits;
    if (this.waiting.length * 2 > lines || this.characters * 2 > characters) return 0;
    const { dropped } = this;
    this.dropped = 0;
    return dropped;
  }
}
