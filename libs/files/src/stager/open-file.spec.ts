import { appendFileSync, chmodSync, renameSync, symlinkSync, truncateSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { bytesOf, makeFifo, makeSparseFile, writeFiles } from '../../../../test/support/files';
import { until } from '../../../../test/support/until';
import { hashOf } from '../engine/hashing';
import { collect, handlesBelow, never, openFile, openSource } from '../testing/open-sources';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type OpenFile, PIECE_BYTES } from './open-file';

let site: TestSite;
/** What a test opened: closed after it. */
const opened: OpenFile[] = [];

beforeAll(async () => {
  site = await createTestSite({}, memoryFolder());
});
afterAll(() => site.close());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((file) => file.close()));
  expect(handlesBelow(site.storage)).toEqual([]);
});

const onDisk = (name: string) => path.join(site.storage, name);

async function open(source: string): Promise<OpenFile> {
  const file = await openFile(site, source);
  opened.push(file);
  return file;
}

/** A new file with these bytes, open. */
function opening(name: string, content: Buffer | string): Promise<OpenFile> {
  writeFiles(site.storage, { [name]: content });
  return open(name);
}

const LARGE = bytesOf('large', 5_000_000);

describe('an open file', () => {
  it.each([0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 5_000_000])(
    'of %d bytes comes in pieces that are the file',
    async (size) => {
      const content = bytesOf(`of ${size}`, size);
      const file = await opening('sized', content);
      const lengths: number[] = [];
      const parts: Buffer[] = [];
      for await (const piece of file.pieces(0, size, never)) {
        lengths.push(piece.length);
        parts.push(Buffer.from(piece));
      }
      expect(Buffer.concat(parts).equals(content)).toBe(true);
      expect(lengths.length).toBe(Math.ceil(size / PIECE_BYTES));
      expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(PIECE_BYTES);
      expect(file.identity.size).toBe(size);
    },
  );

  it.each([
    [0, 1],
    [17, 18],
    [PIECE_BYTES - 1, PIECE_BYTES + 1],
    [1, 5_000_000],
    [4_999_999, 5_000_000],
    [3_000_000, 3_000_000],
    [3_000_000, 2_000_000],
  ])('gives the range from %d to %d', async (start, end) => {
    const file = await opening('ranged', LARGE);
    expect((await collect(file.pieces(start, end, never))).equals(LARGE.subarray(start, Math.max(start, end)))).toBe(
      true,
    );
  });

  it('is the file that was opened, whatever its name means by now', async () => {
    const file = await opening('swapped', LARGE);
    writeFiles(site.storage, { other: 'another file' });
    renameSync(onDisk('other'), onDisk('swapped'));
    expect((await collect(file.pieces(0, LARGE.length, never))).equals(LARGE)).toBe(true);
    await expect(file.refuseChanged()).resolves.toBeUndefined();
    expect((await file.checksum('xxh3', never)).value).toBe(hashOf('xxh3', LARGE));
    expect((await open('swapped')).identity.inode).not.toBe(file.identity.inode);
  });

  it('that is cut while it is read ends as changed, not as a shorter file', async () => {
    const file = await opening('cut', LARGE);
    const pieces = file.pieces(0, LARGE.length, never);
    await pieces.next();
    truncateSync(onDisk('cut'), 2_500_000);
    await expect(collect(pieces)).rejects.toMatchObject({
      code: 'source_changed',
      message: expect.stringContaining('cut'),
    });
    await expect(file.refuseChanged()).rejects.toMatchObject({ code: 'source_changed' });
    await expect(file.checksum('xxh3', never)).rejects.toMatchObject({ code: 'source_changed' });
  });

  it('that grows gives what was asked for and no more', async () => {
    const file = await opening('grown', LARGE);
    const pieces = file.pieces(0, LARGE.length, never);
    const first = Buffer.from((await pieces.next()).value as Buffer);
    appendFileSync(onDisk('grown'), 'more');
    expect(Buffer.concat([first, await collect(pieces)]).equals(LARGE)).toBe(true);
    await expect(file.refuseChanged()).rejects.toMatchObject({ code: 'source_changed' });
    await expect(file.checksum('xxh3', never)).rejects.toMatchObject({ code: 'source_changed' });
  });

  it('is seen as changed by its time alone', async () => {
    const file = await opening('touched', 'same');
    utimesSync(onDisk('touched'), 1, 1);
    await expect(file.refuseChanged()).rejects.toMatchObject({ code: 'source_changed' });
  });

  it('keeps a piece as it is until the next one is asked for', async () => {
    const file = await opening('kept', LARGE);
    const pieces = file.pieces(0, LARGE.length, never);
    for (let start = 0; start < LARGE.length; start += PIECE_BYTES) {
      const piece = (await pieces.next()).value as Buffer;
      // By the time of this answer whatever was read ahead is there.
      await file.refuseChanged();
      await file.checksum('xxh3', never);
      expect(piece.equals(LARGE.subarray(start, start + PIECE_BYTES))).toBe(true);
    }
    expect((await pieces.next()).done).toBe(true);
  });

  it('serves several readers at once', async () => {
    const file = await opening('shared', LARGE);
    const readers = [0, 1, 2_000_000, 4_000_000].map(async (start) => {
      const bytes = await collect(file.pieces(start, LARGE.length, never));
      return bytes.equals(LARGE.subarray(start));
    });
    expect(await Promise.all(readers)).toEqual([true, true, true, true]);
  });

  it('says what it is', async () => {
    writeFiles(site.storage, { 'dir/real': 'REAL' });
    chmodSync(onDisk('dir/real'), 0o640);
    symlinkSync('dir/real', onDisk('link'));
    const file = await open('link');
    expect(file).toMatchObject({
      kind: 'file',
      storage: 'default',
      realPath: ['dir', 'real'],
      name: 'link',
      mode: 0o640,
    });
    const same = await open(`${site.storage}/dir/real`);
    expect(same.identity).toEqual(file.identity);
    expect(same.name).toBe('real');
  });

  it.each(['xxh3', 'sha256', 'md5'] as const)('has a checksum by %s', async (algorithm) => {
    const file = await opening('hashed', LARGE);
    await expect(file.checksum(algorithm, never)).resolves.toEqual({ algorithm, value: hashOf(algorithm, LARGE) });
  });
});

describe('an aborted reader', () => {
  const reason = new Error('the reader went away');

  it('is told so in the middle, and no more is read', async () => {
    const file = await opening('aborted', LARGE);
    const controller = new AbortController();
    const pieces = file.pieces(0, LARGE.length, controller.signal);
    await pieces.next();
    controller.abort(reason);
    await expect(pieces.next()).rejects.toBe(reason);
    await expect(pieces.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it('is told so before anything was opened or read', async () => {
    const file = await opening('untouched', LARGE);
    const gone = AbortSignal.abort(reason);
    await expect(file.pieces(0, 1, gone).next()).rejects.toBe(reason);
    await expect(file.checksum('xxh3', gone)).rejects.toBe(reason);
    await expect(openFile(site, 'untouched', gone)).rejects.toBe(reason);
  });

  it('leaves nothing open, at whatever moment it goes', async () => {
    writeFiles(site.storage, { brief: 'brief' });
    for (let round = 0; round < 50; round += 1) {
      const controller = new AbortController();
      const attempt = openFile(site, 'brief', controller.signal).then(
        (file) => opened.push(file),
        (error: unknown) => expect(error).toBe(reason),
      );
      for (let turn = 0; turn < round % 10; turn += 1) await new Promise(setImmediate);
      controller.abort(reason);
      await attempt;
    }
    await until(() => handlesBelow(site.storage).length === opened.length, 'a file was left open');
  });

  it('need not wait for a checksum of a file that would take long', async () => {
    makeSparseFile(onDisk('endless'), 2 ** 44);
    const file = await open('endless');
    const controller = new AbortController();
    const hashing = file.checksum('sha256', controller.signal);
    controller.abort(reason);
    await expect(hashing).rejects.toBe(reason);
  });
});

describe('closing', () => {
  it('ends what is under way, closes once, and refuses what comes later', async () => {
    makeSparseFile(onDisk('huge'), 2 ** 44);
    const file = await open('huge');
    const hashing = file.checksum('sha256', never);
    const pieces = file.pieces(0, 2 ** 44, never);
    await pieces.next();
    const failed = expect(hashing).rejects.toMatchObject({ name: 'CancelledError' });
    await Promise.all([file.close(), file.close()]);
    await failed;
    expect(handlesBelow(site.storage)).toEqual([]);
    await file.close();
    await expect(file.refuseChanged()).rejects.toThrow('closed already');
    // What was read ahead may still come, but nothing is read by a number that may be another file's by now.
    await expect(collect(pieces)).rejects.toThrow(/closed already|cancelled/);
  });

  it('does not close what was opened under the same number meanwhile', async () => {
    writeFiles(site.storage, { first: 'first', second: 'second' });
    const first = await open('first');
    await first.close();
    const second = await open('second');
    await first.close();
    expect((await collect(second.pieces(0, 6, never))).toString()).toBe('second');
  });
});

describe('what cannot be opened', () => {
  beforeAll(() => {
    writeFiles(site.directory, { 'outside/secret': 'SECRET' });
    writeFiles(site.storage, { 'refused/file': 'FILE' });
    symlinkSync(path.join(site.directory, 'outside/secret'), onDisk('refused/out'));
    makeFifo(onDisk('refused/fifo'));
  });

  it.each([
    ['refused/nothing', 'source_not_found'],
    ['refused/file/below', 'source_not_found'],
    ['refused/out', 'path_outside_storage'],
    ['../outside/secret', 'path_outside_storage'],
    ['/etc/passwd', 'path_outside_storage'],
    ['refused/fifo', 'source_unsupported'],
  ])('%s is refused as %s', async (source, code) => {
    await expect(openSource(site, source)).rejects.toMatchObject({ code });
    expect(handlesBelow(site.directory).filter((name) => !name.startsWith(site.areas))).toEqual([]);
  });

  it('a storage that the site does not have', async () => {
    const request = { path: 'refused/file', storage: 'none', asSent: 'refused/file', username: 'jane' };
    await expect(site.reader.open(request, never)).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it('a file beyond the limit of the site', async () => {
    const small = await createTestSite({ limits: { maxFiles: 0, maxBytes: 4 } }, memoryFolder());
    try {
      writeFiles(small.storage, { four: '4444', five: '55555' });
      await (await openFile(small, 'four')).close();
      await expect(openFile(small, 'five')).rejects.toMatchObject({ code: 'quota_exceeded' });
      expect(handlesBelow(small.storage)).toEqual([]);
    } finally {
      await small.close();
    }
  });
});
