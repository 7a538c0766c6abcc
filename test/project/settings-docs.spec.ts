import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describeSettings } from '@app/core';

const root = path.resolve(__dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

describe('documentation of the settings', () => {
  const names = describeSettings().map((setting) => setting.name);

  it('names every setting in .env.example', () => {
    const named = [...read('.env.example').matchAll(/^#([A-Z_]+)=/gm)].map((match) => match[1]);
    expect(named).toEqual(names);
  });

  it("names every setting in README's table", () => {
    const table = /<!-- settings -->\n([^]*)<!-- \/settings -->/.exec(read('README.md'))?.[1] ?? '';
    const named = [...table.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);
    expect(named).toEqual(names);
  });

  it('is up to date', () => {
    expect(() => execFileSync(process.execPath, ['scripts/write-docs.mjs', '--check'], { cwd: root })).not.toThrow();
  });
});
