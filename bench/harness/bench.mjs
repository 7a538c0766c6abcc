// What a row works with: file systems and processes that are gone when the row has ended, whatever happened.
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { makeImage } from './image.mjs';

export class Bench {
  #cleanups = [];

  constructor(options) {
    this.options = options;
  }

  /** Registers what must be undone at the end of the row; the last come is undone first. */
  onEnd(cleanup) {
    this.#cleanups.push(cleanup);
  }

  /** Undoes what the row made. Errors are printed: the next row can run all the same. */
  async end() {
    while (this.#cleanups.length > 0) {
      try {
        await this.#cleanups.pop()();
      } catch (error) {
        console.error(`Cleaning up failed: ${error.message}`);
      }
    }
  }

  /** Runs one row; a row that fails is told as a failed result, so that the others are not lost. */
  async measure(name, row) {
    this.log(`${name}: ${row.title}`);
    try {
      const results = await row.run(this);
      return results.map((result) => ({ row: name, ...result }));
    } catch (error) {
      console.error(error);
      return [{ row: name, what: row.title, failed: error.message }];
    } finally {
      await this.end();
    }
  }

  log(text) {
    console.error(`[${new Date().toISOString().slice(11, 19)}] ${text}`);
  }

  /** An empty folder outside any image. */
  folder() {
    const folder = mkdtempSync(path.join(this.options.folder, 'staging-bench-'));
    this.onEnd(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  /** An empty folder on a fresh file system of `bytes`; where that cannot be (see {@link makeImage}) a plain folder. */
  fileSystem(type, bytes, inodes) {
    return makeImage(this, type, bytes, inodes);
  }
}
