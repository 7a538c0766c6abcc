/** Samples closer to one another than this are taken for one, in milliseconds. */
const SPACING_MS = 500;
/** The rate is that of the last samples: over so many milliseconds. */
const WINDOW_MS = 8000;
/** Before this much time has passed nothing is told: the first pieces come in bursts. */
const SETTLED_MS = 1000;

interface Sample {
  at: number;
  bytes: number;
}

/** How fast bytes come, told from the last few seconds, so that one pause or burst does not rule the estimate. */
export class RateMeter {
  private readonly samples: Sample[] = [];

  constructor(private readonly clock: () => number = () => performance.now()) {}

  /** Says how many bytes there are by now. */
  add(bytes: number): void {
    const at = this.clock();
    const last = this.samples.at(-1);
    if (last && at - last.at < SPACING_MS && this.samples.length > 1) last.bytes = bytes;
    else this.samples.push({ at, bytes });
    while (this.samples.length > 2 && at - this.samples[1]!.at > WINDOW_MS) this.samples.shift();
  }

  /** Bytes a second; null as long as that cannot be told. Falls when nothing comes. */
  get bytesPerSecond(): number | null {
    const [first] = this.samples;
    const last = this.samples.at(-1);
    if (!first || !last) return null;
    const elapsed = this.clock() - first.at;
    if (elapsed < SETTLED_MS) return null;
    return Math.round(((last.bytes - first.bytes) / elapsed) * 1000);
  }
}
