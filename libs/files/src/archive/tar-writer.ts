import { type RawName } from '../names/raw-name';
import { type ArchiveWriter, type EntryFacts } from './archive-writer';
import { type ByteSink } from './byte-sink';
import { type CompactStore } from './compact-store';
import { type SteadyFile } from './steady-file';
import { BLOCK_BYTES, padding, paxHeader, type TarEntry, ustarHeader } from './tar-records';

const zeros = Buffer.alloc(2 * BLOCK_BYTES);

/** Writes a tar archive in the pax format; names are the bytes that they are on the storage. */
export class TarWriter implements ArchiveWriter {
  private entries = 0;

  constructor(private readonly sink: ByteSink) {}

  nameFor(raw: RawName): RawName {
    return raw;
  }

  directory(entry: EntryFacts): void {
    this.header({ ...entry, path: `${entry.path}/`, type: '5', size: 0 });
  }

  link(entry: EntryFacts, text: RawName): void {
    this.header({ ...entry, type: '2', size: 0, text });
  }

  file(entry: EntryFacts, content: SteadyFile): void {
    this.header({ ...entry, type: '0', size: content.size });
    content.pour(this.sink);
    content.finish();
    this.pad(content.size);
  }

  made(entry: EntryFacts, content: CompactStore): void {
    this.header({ ...entry, type: '0', size: content.size });
    content.eachPiece((piece) => this.sink.write(piece));
    this.pad(content.size);
  }

  /** Two blocks of zeros. */
  end(): void {
    this.sink.write(zeros);
  }

  private header(entry: TarEntry): void {
    this.entries += 1;
    const extended = paxHeader(entry, this.entries);
    if (extended) this.sink.write(extended);
    this.sink.write(ustarHeader(entry, this.entries));
  }

  private pad(size: number): void {
    if (padding(size) > 0) this.sink.write(zeros.subarray(0, padding(size)));
  }
}
