import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from '../../../../test/support/temporary-folder';
import { flushFileSystem } from './flush-tree';

/** Where programs are looked for first. */
let mockPrograms: string | undefined;

jest.mock('node:child_process', () => {
  const real = jest.requireActual<typeof import('node:child_process')>('node:child_process');
  const spawn = (program: string, args: string[], options: import('node:child_process').SpawnOptions) =>
    real.spawn(program, args, { ...options, env: { PATH: mockPrograms ?? process.env.PATH } });
  return { ...real, spawn };
});

let folder: string;
let handle: number;
beforeAll(() => {
  folder = temporaryFolder();
  mkdirSync(path.join(folder, 'flushed'));
  handle = openSync(path.join(folder, 'flushed'), 'r');
});
afterAll(() => closeSync(handle));
afterEach(() => {
  mockPrograms = undefined;
  rmSync(path.join(folder, 'programs'), { recursive: true, force: true });
});

/** Puts a script in the place of sync(1). */
function sync(script: string): void {
  mockPrograms = path.join(folder, 'programs');
  mkdirSync(mockPrograms);
  writeFileSync(path.join(mockPrograms, 'sync'), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  chmodSync(path.join(mockPrograms, 'sync'), 0o755);
}

const flush = (signal?: AbortSignal, timeoutMs = 20_000) => flushFileSystem(handle, timeoutMs, signal);

it('flushes the file system of the very directory that is open', async () => {
  await expect(flush()).resolves.toBeUndefined();
  sync(`[ "$1" = -f ] && [ "$(readlink "$2")" = '${path.join(folder, 'flushed')}' ]`);
  await expect(flush()).resolves.toBeUndefined();
});

it.each([
  ['echo "sync: error syncing: No space left on device" >&2; exit 1', 'insufficient_storage'],
  ['echo "sync: error syncing: Disk quota exceeded" >&2; exit 1', 'insufficient_storage'],
  ['echo "sync: error syncing: Input/output error" >&2; exit 1', 'storage_unavailable'],
  ['exit 1', 'storage_unavailable'],
])('fails when that does: %s', async (script, code) => {
  sync(script);
  await expect(flush()).rejects.toMatchObject({ code });
});

it('fails when there is no such program', async () => {
  mockPrograms = path.join(folder, 'nothing here');
  await expect(flush()).rejects.toMatchObject({ code: 'ENOENT' });
});

it('does not wait for a file system that never answers', async () => {
  sync('exec sleep 600');
  await expect(flush(undefined, 100)).rejects.toMatchObject({
    code: 'storage_unavailable',
    message: expect.stringContaining('too long'),
  });
});

it('ends when it is cancelled, before or meanwhile', async () => {
  sync('exec sleep 600');
  const reason = new Error('enough');
  await expect(flush(AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  const attempt = flush(controller.signal);
  setTimeout(() => controller.abort(reason), 20);
  await expect(attempt).rejects.toBe(reason);
});
