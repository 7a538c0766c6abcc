import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');

/** Files that are, or would be, in a commit. */
function committedFiles(): string[] {
  const options = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const names = execFileSync('git', options, { cwd: root, encoding: 'utf8' }).split('\0');
  const gone = execFileSync('git', ['ls-files', '--deleted', '-z'], { cwd: root, encoding: 'utf8' }).split('\0');
  return names.filter((name) => name !== '' && !gone.includes(name));
}

describe('what is committed', () => {
  it('does not say where packages were fetched from', () => {
    const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { resolved?: string; link?: boolean }>;
    };
    // A workspace is a link, whose `resolved` is its folder.
    const named = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined && !entry.link);
    expect(named).toEqual([]);
    expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
  });

  it('mentions no folder of the machine that it was written on', () => {
    // A folder such as /tmp is on every machine.
    const own = [root, path.dirname(root)].filter((folder) => folder.split('/').length > 2);
    const folders = [...own, os.homedir()].filter((folder) => folder !== '/');
    const before = /(?:^|[\s"'`(=:])$/;
    const mentions = committedFiles().flatMap((name) => {
      const text = readFileSync(path.join(root, name), 'utf8');
      return folders
        .filter((folder) =>
          text
            .split(`${folder}/`)
            .slice(0, -1)
            .some((part) => before.test(part.slice(-1))),
        )
        .map((folder) => `${name}: ${folder}`);
    });
    expect(mentions).toEqual([]);
  });
});
