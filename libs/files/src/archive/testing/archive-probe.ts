import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { readlinkSync, realpathSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { O_PATH } from '../../confined/handle';
import { aliasesOf } from '../../confined/resolve-source';
import { type RootSpec } from '../../confined/root';
import { rawFromText, type RawName } from '../../names/raw-name';
import { type WorkerControl } from '../../pool/control';
import { loneControl } from '../../testing/place-task';
import { type ArchiveFormat, type ByteSink, writeArchive } from '../archive';

const ROOM_BYTES = 256 * 1024;
const zeros = Buffer.alloc(ROOM_BYTES);

/** A sink into a file in which runs of zeros become holes, so that the archive of a huge sparse file takes no room. */
export class FileSink implements ByteSink {
  private readonly buffer = Buffer.allocUnsafe(ROOM_BYTES);
  private readonly handle: number;
  private used = 0;
  private position = 0;

  constructor(
    file: string,
    private readonly seen: (data: Buffer) => void = () => undefined,
  ) {
    this.handle = openSync(file, 'w');
  }

  room(): Buffer {
    if (this.used === ROOM_BYTES) this.flush();
    return this.buffer.subarray(this.used);
  }

  advance(count: number): void {
    this.used += count;
  }

  write(data: Buffer): void {
    this.seen(data);
    for (let done = 0; done < data.length;) {
      const count = data.copy(this.room(), 0, done);
      this.advance(count);
      done += count;
    }
  }

  flush(): void {
    const data = this.buffer.subarray(0, this.used);
    if (!data.equals(zeros.subarray(0, data.length))) writeSync(this.handle, data, 0, data.length, this.position);
    this.position += data.length;
    this.used = 0;
  }

  close(): void {
    ftruncateSync(this.handle, this.position);
    closeSync(this.handle);
  }
}

/** A storage as workers are told of it. */
export function storageAt(folder: string, name = 'default', ordinal = 1): RootSpec {
  const real = realpathSync(folder);
  return { name, path: folder, aliases: aliasesOf(folder, real), ordinal };
}

/** What may differ from one call of {@link archive} to the next. */
export interface ArchiveOptions {
  name?: RawName;
  control?: WorkerControl;
  seen?: (data: Buffer) => void;
}

/** Archives `<storage>/<tree>` into a file. */
export function archive(
  storages: RootSpec[],
  tree: string,
  format: ArchiveFormat,
  file: string,
  options: ArchiveOptions = {},
): void {
  const root = storages[0]!;
  const object = openSync(path.join(root.path, tree), O_PATH | constants.O_DIRECTORY);
  const sink = new FileSink(file, options.seen);
  try {
    const top = { root, path: [rawFromText(tree)], object, name: options.name ?? rawFromText(tree) };
    writeArchive({ roots: storages, reader: null }, top, format, sink, options.control ?? loneControl());
  } finally {
    sink.close();
    closeSync(object);
  }
}

/** One entry as a reader sees it; names and texts as hex, so that any bytes can be compared. */
export interface SeenEntry {
  name: string;
  kind: 'file' | 'directory' | 'link';
  mode: number;
  /** Nanoseconds in a tar archive, whole seconds in a zip. */
  mtime: string;
  size: number;
  /** SHA-256 of a file, text of a link. */
  content: string;
}

const READER = `
import sys, json, zipfile, tarfile, hashlib, struct, stat
def raw(text): return text.encode('utf-8', 'surrogateescape').hex()
def sha(data): return hashlib.sha256(data).hexdigest()
def mtime(extra):
    while extra:
        kind, size = struct.unpack('<HH', extra[:4])
        if kind == 0x5455: return str(struct.unpack('<i', extra[5:9])[0])
        extra = extra[4 + size:]
seen = []
if sys.argv[1] == 'zip':
    with zipfile.ZipFile(sys.argv[2]) as archive:
        assert archive.testzip() is None
        for one in archive.infolist():
            mode = one.external_attr >> 16
            kind = {stat.S_IFREG: 'file', stat.S_IFDIR: 'directory', stat.S_IFLNK: 'link'}[stat.S_IFMT(mode)]
            assert one.is_dir() == (kind == 'directory') and one.create_system == 3
            data = archive.read(one)
            content = data.hex() if kind == 'link' else sha(data) if kind == 'file' else ''
            size = len(data) if kind == 'file' else 0
            name = raw(one.filename[:-1] if one.is_dir() else one.filename)
            seen.append([name, kind, stat.S_IMODE(mode), mtime(one.extra), size, content])
else:
    with tarfile.open(sys.argv[2], 'r:', encoding='utf-8', errors='surrogateescape') as archive:
        for one in archive:
            kind = 'file' if one.isreg() else 'directory' if one.isdir() else 'link' if one.issym() else None
            assert (one.uid, one.gid, one.uname, one.gname) == (0, 0, '', '')
            content = sha(archive.extractfile(one).read()) if kind == 'file' else raw(one.linkname) if kind == 'link' else ''
            whole, _, part = one.pax_headers.get('mtime', str(one.mtime)).partition('.')
            nanoseconds = int(whole) * 10**9 + (-1 if whole[0] == '-' else 1) * int((part + '000000000')[:9])
            seen.append([raw(one.name), kind, one.mode, str(nanoseconds), one.size, content])
keys = ['name', 'kind', 'mode', 'mtime', 'size', 'content']
json.dump([dict(zip(keys, one)) for one in seen], sys.stdout)
`;

/** Names in UTF-8, whatever the locale of whoever runs the tests. */
export const READER_ENVIRONMENT = { ...process.env, LC_ALL: 'C.UTF-8', PYTHONUTF8: '1', TZ: 'UTC' };

/** The entries of an archive as Python's zipfile or tarfile reads them, in their order; each content is read. */
export function readByPython(format: ArchiveFormat, file: string): SeenEntry[] {
  const options = { env: READER_ENVIRONMENT, maxBuffer: 256 * 1024 ** 2, encoding: 'utf8' as const };
  return JSON.parse(execFileSync('python3', ['-c', READER, format, file], options)) as SeenEntry[];
}

/** What {@link readByPython} should find of a tree without anything to leave out, as a tar archive tells it. */
export function entriesOf(folder: string, name: RawName): SeenEntry[] {
  const found: SeenEntry[] = [];
  const visit = (place: Buffer, shown: Buffer) => {
    const stat = lstatSync(place, { bigint: true });
    const kind = stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : 'file';
    const content =
      kind === 'file'
        ? createHash('sha256').update(readFileSync(place)).digest('hex')
        : kind === 'link'
          ? readlinkSync(place, { encoding: 'buffer' }).toString('hex')
          : '';
    const size = kind === 'file' ? Number(stat.size) : 0;
    const mode = Number(stat.mode & 0o777n);
    found.push({ name: shown.toString('hex'), kind, mode, mtime: String(stat.mtimeNs), size, content });
    if (kind !== 'directory') return;
    for (const entry of readdirSync(place, { encoding: 'buffer' })) {
      visit(Buffer.concat([place, Buffer.from('/'), entry]), Buffer.concat([shown, Buffer.from('/'), entry]));
    }
  };
  visit(Buffer.from(folder), Buffer.from(name, 'latin1'));
  return found;
}

/** Why tests with these readers cannot run here, or null. */
export function readersMissing(...programs: string[]): string | null {
  const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined);
  return missing.length > 0 ? `no ${missing.join(', ')}` : null;
}
