import { type Handle } from '../confined/handle';
import { type RootSpec } from '../confined/root';
import { type StorageView } from '../confined/source-access';
import { TreeWalk } from '../engine/tree-walk';
import { type RawName } from '../names/raw-name';
import { type WorkerControl } from '../pool/control';
import { type ByteSink } from './byte-sink';
import { TarWriter } from './tar-writer';
import { TreeArchiver } from './tree-archiver';
import { ZipWriter } from './zip-writer';

export { type ByteSink } from './byte-sink';

/** The directory that is archived: where it really lies, an open handle (stays the caller's), its name in the archive. */
export interface ArchiveTop {
  root: RootSpec;
  path: RawName[];
  object: Handle;
  name: RawName;
}

/** The formats in which a directory can be downloaded. */
export type ArchiveFormat = 'zip' | 'tar';

/**
 * Writes a directory as a whole archive, its end included, and flushes the sink. Everything lies below one directory
 * called `top.name`. Links that leave the tree's roots or lead nowhere, sockets, FIFOs and devices are left out and
 * listed in `STAGING-OMITTED.txt` in there. Throws `source_changed` when a file or directory changes while it is read,
 * `source_forbidden` for what may not be read, and what else {@link TreeWalk} throws: what was written by then is no
 * archive, and whoever reads it must be told by a broken connection.
 */
export function writeArchive(
  storages: StorageView,
  top: ArchiveTop,
  format: ArchiveFormat,
  sink: ByteSink,
  control: WorkerControl,
): void {
  const writer = format === 'zip' ? new ZipWriter(sink) : new TarWriter(sink);
  const archiver = new TreeArchiver(top.name, writer, control);
  new TreeWalk(storages, archiver, control).run(top);
  archiver.end();
  sink.flush();
}
