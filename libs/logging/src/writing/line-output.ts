/** Writes some of the bytes from `offset` on, as write(2) does, and tells how many. */
export type WriteSome = (bytes: Buffer, offset: number) => Promise<number>;

const NEWLINE = 0x0a;

/**
 * Appends whole lines to something that may take only a part of them. After a part of a line got through, the next write
 * begins with a newline: the fragment stands alone, and the line is written once more.
 */
export class LineOutput {
  /** True when what was written last does not end a line. */
  torn = false;

  /** Returns how many lines were written whole, at least one; throws when none was. Each line ends with a newline. */
  async write(lines: readonly string[], writeSome: WriteSome): Promise<number> {
    const lead = this.torn ? '\n' : '';
    const bytes = Buffer.from(lead + lines.join(''));
    let written = 0;
    let failure: Error | undefined;
    try {
      while (written < bytes.length) {
        const count = await writeSome(bytes, written);
        if (count === 0) throw new Error('Nothing could be written');
        written += count;
      }
    } catch (error) {
      failure = error as Error;
    }
    if (written > 0) this.torn = bytes[written - 1] !== NEWLINE;
    if (!failure) return lines.length;
    const whole = countWhole(lines, written - lead.length);
    if (whole === 0) throw failure;
    return whole;
  }
}

/** A line that lacks nothing but its newline counts: the next write begins with it. */
function countWhole(lines: readonly string[], written: number): number {
  let end = 0;
  const first = lines.findIndex((line) => (end += Buffer.byteLength(line)) - 1 > written);
  return first === -1 ? lines.length : first;
}

/** How many of the lines one write takes: as many as fit into `room`, at most a mebibyte, but at least one. */
export function countFitting(lines: readonly string[], room: number): number {
  const most = Math.min(room, 1_048_576);
  let bytes = 0;
  const first = lines.findIndex((line) => (bytes += Buffer.byteLength(line)) > most);
  return first === -1 ? lines.length : Math.max(1, first);
}
