// Files to stage.
import { randomFillSync } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

/** A file of random bytes. */
export function randomFile(file, bytes) {
  const block = Buffer.alloc(16 * 1024 ** 2);
  const handle = openSync(file, 'wx', 0o644);
  for (let done = 0; done < bytes;)
    done += writeSync(handle, randomFillSync(block), 0, Math.min(block.length, bytes - done));
  closeSync(handle);
}

/** A file that is one hole. */
export function sparseFile(file, bytes) {
  const handle = openSync(file, 'wx', 0o644);
  ftruncateSync(handle, bytes);
  closeSync(handle);
}

/** A tree of `files` random files of `bytes` each, `perDirectory` to a directory. */
export function randomTree(root, files, bytes, perDirectory = 100) {
  const content = Buffer.alloc(bytes);
  let directory;
  for (let index = 0; index < files; index += 1) {
    if (index % perDirectory === 0) {
      directory = path.join(root, `d${index / perDirectory}`);
      mkdirSync(directory, { recursive: true });
    }
    writeFileSync(path.join(directory, `f${index}`), randomFillSync(content), { mode: 0o644 });
  }
}
