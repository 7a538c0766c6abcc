import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { StagingFile } from '@app/records';
import { manifestText } from './manifest-text';

function file(fields: Partial<StagingFile>): StagingFile {
  return Object.assign(new StagingFile(), { kind: 'file', status: 'staged', ...fields });
}

async function textOf(...pages: StagingFile[][]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of manifestText(Readable.from(pages) as AsyncIterable<StagingFile[]>)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('manifestText', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'manifest-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each(['sha256', 'md5'])('writes what %ssum checks, whatever the names are', async (algorithm) => {
    const names = ['plain', 'with  spaces ', 'back\\slash', 'line\nbreak', 'carriage\rreturn', '*star', 'sub/é✓'];
    mkdirSync(path.join(folder, 'sub'));
    const rows = names.map((name) => {
      writeFileSync(path.join(folder, name), name);
      return file({ path: name, algorithm, checksum: createHash(algorithm).update(name).digest('hex') });
    });
    const odd = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x63, 0xff])]);
    writeFileSync(odd, 'odd');
    const checksum = createHash(algorithm).update('odd').digest('hex');
    rows.push(file({ path: 'c%FF', nameEncoding: 'percent', algorithm, checksum }));
    const input = await textOf(rows.slice(0, 3), rows.slice(3));
    const output = execFileSync(`${algorithm}sum`, ['--check', '--strict', '-'], { cwd: folder, input });
    expect(output.toString('latin1').match(/: OK$/gm)).toHaveLength(rows.length);
  });

  it('tags what no coreutils program checks', async () => {
    const rows = [
      file({ path: 'a/b', algorithm: 'xxh3', checksum: '2d06800538d394c2' }),
      file({ path: 'back\\slash', algorithm: 'adler32', checksum: '0000002b' }),
    ];
    const text = (await textOf(rows)).toString();
    expect(text).toBe('XXH3 (a/b) = 2d06800538d394c2\n\\ADLER32 (back\\\\slash) = 0000002b\n');
  });

  it('leaves out what has no checksum', async () => {
    expect(await textOf([file({ path: 'link', kind: 'link' })], [])).toEqual(Buffer.alloc(0));
  });
});
