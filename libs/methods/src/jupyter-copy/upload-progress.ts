import { type PlaceProgress, type RawName } from '@app/files';

/** Between two reports, in milliseconds: about five a second. */
const PAUSE_MS = 200;

/**
 * How far an upload is, told a few times a second while it moves. What is sent again after a break counts once: the count
 * stands still until the upload is beyond where it was.
 */
export class UploadProgress {
  private filesDone = 0;
  private currentPath: RawName | null = null;
  /** Bytes of files that are whole. */
  private whole = 0;
  private bytesDone = 0;
  private toldAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly tell: (progress: PlaceProgress) => void,
    private readonly total: { files: number; bytes: number },
  ) {}

  /** The upload begins: nothing is done yet. */
  begin(): void {
    this.news();
  }

  /** A file is begun; null for a single one. */
  enter(path: RawName | null): void {
    this.currentPath = path;
    this.news();
  }

  /** So many bytes of the present file are sent, from its beginning. */
  at(position: number): void {
    this.count(this.whole + position);
    this.news();
  }

  /** A file, or a link (of no bytes), is there. */
  done(bytes: number): void {
    this.whole += bytes;
    this.filesDone = Math.min(this.filesDone + 1, this.total.files);
    this.count(this.whole);
    this.news();
  }

  /** All is there. */
  finish(): void {
    const { files, bytes } = this.total;
    this.filesDone = files;
    this.bytesDone = bytes;
    this.currentPath = null;
    this.stop();
    this.report();
  }

  /** Nothing more is told; may be called again. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private count(bytes: number): void {
    this.bytesDone = Math.min(Math.max(this.bytesDone, bytes), this.total.bytes);
  }

  private news(): void {
    if (this.timer) return;
    const pause = this.toldAt + PAUSE_MS - performance.now();
    if (pause <= 0) return this.report();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.report();
    }, pause).unref();
  }

  private report(): void {
    this.toldAt = performance.now();
    const { filesDone, bytesDone, currentPath, total } = this;
    this.tell({ filesTotal: total.files, bytesTotal: total.bytes, filesDone, bytesDone, currentPath });
  }
}
