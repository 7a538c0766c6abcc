import { crc32 } from 'node:zlib';
import { AppError } from '@app/core';
import { showPath } from '../names/path-text';
import { type RawName } from '../names/raw-name';
import { type ArchiveWriter, type EntryFacts } from './archive-writer';
import { type ByteSink } from './byte-sink';
import { CompactStore } from './compact-store';
import { type SteadyFile } from './steady-file';
import {
  centralRecord,
  dataDescriptor,
  endRecords,
  localHeader,
  MAX_NAME_BYTES,
  TYPE_DIRECTORY,
  TYPE_FILE,
  TYPE_LINK,
  type ZipEntry,
} from './zip-records';

/** Files up to this size are read before their header is written, which then holds their checksum. */
const WHOLE_BYTES = 1024 * 1024;

const NO_CONTENT = Buffer.alloc(0);

/** Writes a zip archive without compression: what lies on such storages is compressed already, or too much to be. */
export class ZipWriter implements ArchiveWriter {
  private readonly central = new CompactStore();
  private entries = 0;
  private offset = 0;
  private buffer: Buffer | undefined;

  constructor(private readonly sink: ByteSink) {}

  /** Names in a zip are UTF-8; others are written percent-encoded. */
  nameFor(raw: RawName): RawName {
    const { text, encoding } = showPath(raw);
    return encoding === null ? raw : text;
  }

  directory(entry: EntryFacts): void {
    this.whole({ ...entry, path: `${entry.path}/` }, TYPE_DIRECTORY, NO_CONTENT);
  }

  link(entry: EntryFacts, text: RawName): void {
    this.whole(entry, TYPE_LINK, Buffer.from(text, 'latin1'));
  }

  file(entry: EntryFacts, content: SteadyFile): void {
    if (content.size > WHOLE_BYTES) return this.streamed(entry, content);
    const space = (this.buffer ??= Buffer.allocUnsafeSlow(WHOLE_BYTES));
    let length = 0;
    while (content.left > 0) length += content.read(space.subarray(length));
    content.finish();
    this.whole(entry, TYPE_FILE, space.subarray(0, length));
  }

  made(entry: EntryFacts, content: CompactStore): void {
    const record = this.begin(entry, TYPE_FILE, content.size, content.checksum);
    content.eachPiece((piece) => this.put(piece));
    this.finish(record);
  }

  end(): void {
    const start = this.offset;
    this.central.eachPiece((piece) => this.put(piece));
    this.put(endRecords(this.entries, this.offset - start, start));
  }

  private whole(entry: EntryFacts, type: number, content: Buffer): void {
    const record = this.begin(entry, type, content.length, crc32(content));
    this.put(content);
    this.finish(record);
  }

  private streamed(entry: EntryFacts, content: SteadyFile): void {
    const record = this.begin(entry, TYPE_FILE, content.size, undefined);
    let checksum = 0;
    content.pour(this.sink, (piece) => {
      checksum = crc32(piece, checksum);
    });
    content.finish();
    this.offset += content.size;
    record.crc = checksum;
    this.put(dataDescriptor(record));
    this.finish(record);
  }

  /** Writes the header of an entry; without its checksum where that will only be known in the end. */
  private begin(entry: EntryFacts, type: number, size: number, crc: number | undefined): ZipEntry {
    const name = Buffer.from(entry.path, 'latin1');
    if (name.length > MAX_NAME_BYTES) {
      throw new AppError(
        'source_unsupported',
        `A path in the source is longer than ${MAX_NAME_BYTES} bytes, which no zip archive can hold. Ask for a tar archive.`,
      );
    }
    const { mode, mtimeNs } = entry;
    const described = crc === undefined;
    const record = { name, mode: type | mode, mtimeNs, size, offset: this.offset, crc, described };
    this.put(localHeader(record));
    return record;
  }

  private finish(record: ZipEntry): void {
    this.central.append(centralRecord(record));
    this.entries += 1;
  }

  private put(data: Buffer): void {
    this.sink.write(data);
    this.offset += data.length;
  }
}
