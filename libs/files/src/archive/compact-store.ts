import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

const CHUNK_BYTES = 64 * 1024;

/**
 * Bytes that are gathered now and wanted once, later: kept deflated in pieces of 64 KiB, so that what an archive has to
 * remember of a hundred thousand files takes a megabyte or two.
 */
export class CompactStore {
  private readonly full: Buffer[] = [];
  private readonly last = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  private used = 0;
  private crc = 0;

  append(data: Buffer): void {
    this.crc = crc32(data, this.crc);
    for (let done = 0; done < data.length;) {
      const count = data.copy(this.last, this.used, done);
      this.used += count;
      done += count;
      if (this.used === CHUNK_BYTES) this.pack();
    }
  }

  private pack(): void {
    // As a copy: what zlib returns keeps a larger piece of memory alive.
    this.full.push(Buffer.from(deflateRawSync(this.last, { level: 1 })));
    this.used = 0;
  }

  /** Bytes appended so far. */
  get size(): number {
    return this.full.length * CHUNK_BYTES + this.used;
  }

  /** CRC-32 of all that was appended. */
  get checksum(): number {
    return this.crc;
  }

  /** Hands out all bytes in order, in pieces of 64 KiB at most, each valid during the call only. */
  eachPiece(visit: (piece: Buffer) => void): void {
    for (const packed of this.full) visit(inflateRawSync(packed));
    if (this.used > 0) visit(this.last.subarray(0, this.used));
  }
}
