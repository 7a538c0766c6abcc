/** Bytes of a UUID. */
const ID_BYTES = 16;
/** Ids in one piece of a line. */
const PIECE_IDS = 1024;

interface Segment {
  batch: string | null;
  /** Ids, one behind the other; the first `from` of them have been taken. */
  ids: Buffer;
  from: number;
  to: number;
}

/** A line of ids in the order of their coming, 16 bytes each; those of one batch can be taken out together. */
export class IdLine {
  private segments: Segment[] = [];
  private count = 0;

  get length(): number {
    return this.count;
  }

  push(id: string, batch: string | null): void {
    let last = this.segments.at(-1);
    if (!last || last.batch !== batch || last.to === PIECE_IDS) {
      last = { batch, ids: Buffer.allocUnsafe(PIECE_IDS * ID_BYTES), from: 0, to: 0 };
      this.segments.push(last);
    }
    last.ids.write(hexOf(id), last.to * ID_BYTES, 'hex');
    last.to += 1;
    this.count += 1;
  }

  shift(): { id: string; batch: string | null } | undefined {
    const first = this.segments[0];
    if (!first) return undefined;
    const id = idAt(first, first.from);
    first.from += 1;
    this.count -= 1;
    if (first.from === first.to) this.segments.shift();
    return { id, batch: first.batch };
  }

  /** How many are before an id; -1 when it is not here. */
  indexOf(id: string): number {
    let before = 0;
    const bytes = Buffer.from(hexOf(id), 'hex');
    for (const segment of this.segments) {
      const at = find(segment, bytes);
      if (at >= 0) return before + at - segment.from;
      before += segment.to - segment.from;
    }
    return -1;
  }

  remove(id: string): boolean {
    const bytes = Buffer.from(hexOf(id), 'hex');
    for (const segment of this.segments) {
      const at = find(segment, bytes);
      if (at < 0) continue;
      segment.ids.copyWithin(at * ID_BYTES, (at + 1) * ID_BYTES, segment.to * ID_BYTES);
      segment.to -= 1;
      this.count -= 1;
      if (segment.from === segment.to) this.segments = this.segments.filter((one) => one !== segment);
      return true;
    }
    return false;
  }

  removeBatch(batch: string): number {
    const before = this.count;
    this.segments = this.segments.filter((segment) => segment.batch !== batch);
    this.count = this.segments.reduce((sum, { from, to }) => sum + to - from, 0);
    return before - this.count;
  }
}

function find({ ids, from, to }: Segment, bytes: Buffer): number {
  const part = ids.subarray(0, to * ID_BYTES);
  for (let at = from * ID_BYTES; ;) {
    const found = part.indexOf(bytes, at);
    if (found < 0) return -1;
    if (found % ID_BYTES === 0) return found / ID_BYTES;
    at = found + 1;
  }
}

function hexOf(id: string): string {
  return id.replaceAll('-', '');
}

function idAt({ ids }: Segment, index: number): string {
  const hex = ids.toString('hex', index * ID_BYTES, (index + 1) * ID_BYTES);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
