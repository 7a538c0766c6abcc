import { type LogEntry } from '@app/logging';

/** Lines that are kept at most, and their bytes. */
export const MAX_MEANWHILE = 5000;
export const MAX_MEANWHILE_BYTES = 4 * 1024 ** 2;

/** How much a line takes, in the file as on its way. */
export function bytesOf(entry: LogEntry): number {
  return Buffer.byteLength(JSON.stringify(entry));
}

/** Lines that happen while those of before are read. The oldest go when they are too many: those are the ones that reading finds. */
export class Meanwhile {
  private readonly kept: { entry: LogEntry; bytes: number }[] = [];
  private bytes = 0;
  private lost = 0;

  /** Adds a line that happened just now. */
  add(entry: LogEntry): void {
    const bytes = bytesOf(entry);
    this.kept.push({ entry, bytes });
    this.bytes += bytes;
    if (this.kept.length > MAX_MEANWHILE || this.bytes > MAX_MEANWHILE_BYTES) this.halve();
  }

  /**
   * Lines that were read, the oldest first, and of these the ones behind them: reading ends somewhere among these, and may have
   * begun there too. Where they overlap nothing is `missing` in between.
   */
  behind(before: LogEntry[]): { lines: LogEntry[]; missing: number } {
    const meanwhile = this.kept.map(({ entry }) => entry);
    const places = new Map(meanwhile.map((entry, index) => [JSON.stringify(entry), index]));
    for (let last = before.length - 1; last >= 0 && places.size > 0; last -= 1) {
      const place = places.get(JSON.stringify(before[last]));
      if (place !== undefined) return { lines: [...before, ...meanwhile.slice(place + 1)], missing: 0 };
    }
    return { lines: [...before, ...meanwhile], missing: this.lost };
  }

  private halve(): void {
    let gone = 0;
    for (; this.kept.length - gone > MAX_MEANWHILE / 2 || this.bytes > MAX_MEANWHILE_BYTES / 2; gone += 1) {
      this.bytes -= this.kept[gone]!.bytes;
    }
    this.kept.splice(0, gone);
    this.lost += gone;
  }
}
