import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { describeWhere } from '../../../../test/support/describe-where';
import { makeSparseFile, patchFile } from '../../../../test/support/files';
import { memoryFolder } from '../testing/test-site';
import { type ArchiveFormat } from './archive';
import { archive, READER_ENVIRONMENT, readersMissing, storageAt } from './testing/archive-probe';

/** Archives beyond the 4 GiB and 65,535 entries of old formats, of files that take no room. */

const GIB = 1024 ** 3;
const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { env: READER_ENVIRONMENT, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 });

describeWhere(readersMissing('python3', 'zipinfo', 'bsdtar', 'tar'), 'a huge file', () => {
  let folder: string;
  beforeAll(() => {
    // On disk, where a sparse file stays sparse in the page cache too.
    folder = mkdtempSync(path.join(tmpdir(), 'huge-'));
    mkdirSync(path.join(folder, 'tree/sub'), { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const make = (format: ArchiveFormat) =>
    archive([storageAt(folder)], 'tree', format, path.join(folder, `archive.${format}`));

  function makeHuge(bytes: number): void {
    rmSync(path.join(folder, 'tree/huge'), { force: true });
    makeSparseFile(path.join(folder, 'tree/huge'), bytes);
    patchFile(path.join(folder, 'tree/huge'), bytes - 3, 'end');
    writeFileSync(path.join(folder, 'tree/sub/behind'), 'what comes behind it');
  }

  it('makes a zip64 archive that each reader understands, also from a pipe', () => {
    // The first size that 32 bits cannot say, and with it the offset of what comes behind.
    makeHuge(4 * GIB);
    make('zip');
    const zip = path.join(folder, 'archive.zip');
    expect(run('unzip', '-p', zip, 'tree/sub/behind')).toBe('what comes behind it');
    expect(run('zipinfo', '-l', zip)).toMatch(/4294967296 \w+ +4294967296 stor .* tree\/huge\n/);
    const python = `
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
huge = archive.getinfo('tree/huge')
file = archive.open(huge)
assert file.read(3) == bytes(3)
print(huge.file_size, archive.read('tree/sub/behind').decode())`;
    expect(run('python3', '-c', python, zip)).toBe('4294967296 what comes behind it\n');
    // Reads through all of it, and compares the checksum in the data descriptor.
    const listing = run('sh', '-c', 'cat "$1" | bsdtar -tvf -', 'sh', zip);
    expect(listing).toMatch(/ 4294967296 .* tree\/huge\n/);
    expect(listing).toMatch(/ 20 .* tree\/sub\/behind\n/);
  }, 180_000);

  it('makes a tar archive that each reader understands', () => {
    // One byte more than eleven octal digits can say.
    makeHuge(8 * GIB);
    make('tar');
    const tar = path.join(folder, 'archive.tar');
    expect(statSync(tar).size).toBeGreaterThan(8 * GIB);
    for (const program of ['tar', 'bsdtar']) {
      expect(run(program, '-tvf', tar)).toMatch(/ 8589934592 .* tree\/huge\n/);
      expect(run(program, '-xOf', tar, 'tree/sub/behind')).toBe('what comes behind it');
    }
    const python = `
import sys, tarfile
archive = tarfile.open(sys.argv[1])
huge = archive.extractfile('tree/huge')
huge.seek(-3, 2)
print(huge.read().decode(), archive.getmember('tree/huge').size, archive.extractfile('tree/sub/behind').read().decode())`;
    expect(run('python3', '-c', python, tar)).toBe('end 8589934592 what comes behind it\n');
  }, 180_000);
});

describeWhere(readersMissing('python3', 'zipinfo', 'bsdtar'), 'very many files', () => {
  const MANY = 70_000;
  const FEW = 1_000;
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(memoryFolder(), 'many-'));
    for (const [tree, count] of [
      ['many', MANY],
      ['few', FEW],
    ] as const) {
      mkdirSync(path.join(folder, tree));
      for (let index = 0; index < count; index += 1) {
        writeFileSync(path.join(folder, tree, `observation-${index}.fits`), index % 100 === 0 ? 'content' : '');
      }
    }
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const archiveOf = (format: ArchiveFormat) => path.join(folder, `archive.${format}`);

  it('are all in a zip64 archive', () => {
    archive([storageAt(folder)], 'many', 'zip', archiveOf('zip'));
    expect(run('zipinfo', '-h', archiveOf('zip'))).toContain(`number of entries: ${MANY + 1}`);
    expect(run('bsdtar', '-tf', archiveOf('zip')).split('\n')).toHaveLength(MANY + 2);
    const python = 'import sys, zipfile; a = zipfile.ZipFile(sys.argv[1]); print(len(a.namelist()), a.testzip())';
    expect(run('python3', '-c', python, archiveOf('zip'))).toBe(`${MANY + 1} None\n`);
  }, 60_000);

  it.each(['zip', 'tar'] as const)(
    'leave memory flat while they go into a %s',
    (format) => {
      v8.setFlagsFromString('--expose-gc');
      const collect = vm.runInNewContext('gc') as () => void;
      /** What is still in use after the last file, when nothing but the archive's end is left to write. */
      const usedAtTheEnd = (tree: string) => {
        let used = 0;
        const isEnd = (data: Buffer) =>
          format === 'zip'
            ? data.readUInt32LE(0) === 0x02014b50
            : data.length === 1024 && data.equals(Buffer.alloc(1024));
        const seen = (data: Buffer) => {
          if (used > 0 || data.length < 4 || !isEnd(data)) return;
          used = Infinity;
          // Memory of buffers is given back behind the collector's back, so that one round may come too early.
          for (let round = 0; round < 5; round += 1) {
            collect();
            const { heapUsed, external } = process.memoryUsage();
            used = Math.min(used, heapUsed + external);
          }
        };
        archive([storageAt(folder)], tree, format, archiveOf(format), { seen });
        return used;
      };
      usedAtTheEnd('few');
      const few = usedAtTheEnd('few');
      const growth = usedAtTheEnd('many') - few;
      expect(few).toBeGreaterThan(0);
      // Seventy thousand records of a central directory are 6 MB as bytes, and more as objects.
      expect(growth).toBeLessThan(2.5 * 1024 ** 2);
    },
    60_000,
  );
});
