/** Where the bytes of an archive go. Its calls may block while the reader is slow, and throw when it has gone. */
export interface ByteSink {
  /** Free space, never empty, to read(2) straight into; valid until the next call of the sink. */
  room(): Buffer;
  /** Takes over the first `count` bytes of {@link room}. */
  advance(count: number): void;
  /** Copies bytes in, however many. */
  write(data: Buffer): void;
  /** Hands on what has gathered. */
  flush(): void;
}
