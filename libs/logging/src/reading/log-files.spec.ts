import promises from 'node:fs/promises';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readFully } from './backward-lines';
import { LogFiles, type OpenLog } from './log-files';

describe('LogFiles', () => {
  let folder: string;
  let file: string;
  let files: LogFiles;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'log-files-'));
    file = path.join(folder, 'staging_service.log');
    files = new LogFiles(file);
    ['D', 'C', 'B', 'A'].forEach((text) => rotate(text));
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  /** Moves all files one number up and begins a new one. */
  function rotate(text: string): void {
    for (let number = 20; number >= 0; number -= 1) {
      const name = number === 0 ? file : `${file}.${number}`;
      try {
        renameSync(name, `${file}.${number + 1}`);
      } catch {
        // There is none with this number.
      }
    }
    writeFileSync(file, text);
  }

  /** Rotates `times` times right after the `nth` call. */
  function rotateAfter(call: 'stat' | 'readdir', nth: number, times: number): void {
    const real = promises[call] as (...given: unknown[]) => Promise<unknown>;
    let calls = 0;
    jest.spyOn(promises, call).mockImplementation((async (...given: unknown[]) => {
      const result = await real(...given);
      calls += 1;
      if (calls === nth) for (let time = 1; time <= times; time += 1) rotate(`later ${time}`);
      return result;
    }) as never);
  }

  async function textOf(log: OpenLog | undefined): Promise<string | undefined> {
    if (!log) return undefined;
    const text = (await readFully(log.handle, 0, log.size)).toString();
    await log.handle.close();
    return text;
  }

  const moments = [1, 2, 3, 4, 5].flatMap((nth) => [1, 2, 3].map((times) => [times, nth] as const));

  it.each(moments)('go from new to old when rotated %d times after look-up number %d', async (times, nth) => {
    const live = (await files.newest())!;
    rotateAfter('stat', nth, times);
    expect(await textOf(await files.olderThan(live.inode))).toBe('B');
    await live.handle.close();
  });

  it.each([1, 2, 3])('find a file that is rotated %d times between look-up and opening', async (times) => {
    const live = (await files.newest())!;
    rotateAfter('readdir', 2, times);
    expect(await textOf(await files.olderThan(live.inode))).toBe('B');
    await live.handle.close();
  });

  it('end behind the oldest, and where the file at hand is gone', async () => {
    const seen: (string | undefined)[] = [];
    for (let log = await files.newest(); log;) {
      const older: OpenLog | undefined = await files.olderThan(log.inode);
      seen.push(await textOf(log));
      log = older;
    }
    expect(seen).toEqual(['A', 'B', 'C', 'D']);
    expect(await files.olderThan('1')).toBeUndefined();
  });
});
