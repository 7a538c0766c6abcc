import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { AppError } from '@app/core';
import { snapshot, writeFiles } from '../../../../test/support/files';
import { readDestination, readPath, showPathAs } from '../names/path-text';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';

/** Whatever a request names, in a storage and an area full of nasty links: nothing outside is read, nothing made there. */

const CANARY = 'what lies outside must stay there';
const CLEAN = new Set([
  'validation_failed',
  'path_outside_storage',
  'path_outside_user_area',
  'source_not_found',
  'source_unsupported',
  'destination_conflict',
]);

let site: TestSite;
beforeAll(async () => {
  site = await createTestSite({}, memoryFolder());
  writeFiles(site.directory, { 'outside/canary': CANARY, 'outside/dir/canary': CANARY });
  writeFiles(site.storage, { file: 'inside', 'dir/file': 'inside', 'dir/sub/file': 'inside' });
  writeFiles(site.areas, { 'bob/secret': CANARY });
  mkdirSync(path.join(site.areas, 'jane/dir'), { recursive: true });
  const out = path.join(site.directory, 'outside');
  for (const folder of [
    site.storage,
    path.join(site.storage, 'dir'),
    path.join(site.areas, 'jane'),
    path.join(site.areas, 'jane/dir'),
  ]) {
    const links: Record<string, string> = {
      out,
      'out-file': path.join(out, 'canary'),
      'out-relative': `${'../'.repeat(20)}${out.slice(1)}`,
      up: '..',
      top: '../../..',
      root: '/',
      proc: '/proc/self/root',
      self: 'self',
      areas: site.areas,
      bob: path.join(site.areas, 'bob'),
      storage: site.storage,
      chain: 'up/out',
    };
    for (const [name, text] of Object.entries(links)) symlinkSync(text, path.join(folder, name));
  }
});
afterAll(() => site.close());

const names = [
  ...['out', 'out-file', 'out-relative', 'up', 'top', 'root', 'proc', 'self', 'areas', 'bob', 'storage', 'chain'],
  ...[
    '..',
    '..',
    '..',
    '.',
    '',
    'dir',
    'sub',
    'file',
    'canary',
    'outside',
    'secret',
    'jane',
    '.staging',
    'new',
    'cwd',
    'fd',
  ],
];
const paths = () =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(
          fc.constantFrom('', '/', site.storage + '/', site.directory + '/'),
          fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 8 }),
        )
        .map(([start, all]) => start + all.join('/')),
    },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 40 })
        .map((bytes) => String.fromCharCode(...bytes)),
    },
  );

/** Everything that must not change: the outside, other users' areas, and what lies beside the areas. */
const watched = () => ({
  outside: snapshot(path.join(site.directory, 'outside')),
  bob: snapshot(path.join(site.areas, 'bob')),
  storage: snapshot(site.storage),
  beside: [readdirSync(site.areas).sort(), readdirSync(site.directory).sort()],
});

/** Ends like a request whose paths are bytes: staged, or the code of what refused it. */
async function request(from: string, to: string): Promise<string> {
  try {
    const percent = (raw: string) => showPathAs(raw, 'percent').text;
    const base = site.request('file', 'x');
    const source = {
      path: readPath('local_path_on_storage', percent(from), 'percent'),
      storage: undefined,
      asSent: 'it',
    };
    const placed = await site.stager.copy(
      { ...base, source, destination: readDestination(percent(to), 'percent') },
      site.hooks(),
    );
    return placed.outcome;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

/** Contents of all regular files in jane's area, and the kinds of what else is new there. */
function staged(): string[] {
  const found = snapshot(path.join(site.areas, 'jane'));
  return Object.values(found)
    .filter((entry) => entry.kind === 'file')
    .map((entry) => `${entry.size}`);
}

it('as a source', async () => {
  const before = watched();
  let index = 0;
  const ends = new Set<string>();
  await fc.assert(
    fc.asyncProperty(paths(), async (from) => {
      const end = await request(from, `results/${(index += 1)}`);
      ends.add(end);
      expect(end === 'staged' || CLEAN.has(end)).toBe(true);
    }),
    { numRuns: 600, examples: [['file'], ['dir/sub/../file'], ['out'], ['nothing'], ['dir/storage/file']] },
  );
  expect(watched()).toEqual(before);
  // Files of the storage have six bytes, those outside more.
  expect(new Set(staged())).toEqual(new Set(['6']));
  expect([...ends]).toEqual(expect.arrayContaining(['staged', 'path_outside_storage', 'source_not_found']));
  expect(site.leftOvers()).toEqual([]);
});

it('as a destination', async () => {
  const before = watched();
  const ends = new Set<string>();
  await fc.assert(
    fc.asyncProperty(paths(), async (to) => {
      const end = await request('file', to);
      ends.add(end);
      expect(end === 'staged' || end === 'already_present' || CLEAN.has(end)).toBe(true);
    }),
    { numRuns: 600, examples: [['new'], ['dir/new'], ['../bob/new'], ['out'], ['out/new'], ['file/new']] },
  );
  expect(watched()).toEqual(before);
  expect([...ends]).toEqual(expect.arrayContaining(['staged', 'path_outside_user_area', 'destination_conflict']));
  expect(existsSync(path.join(site.areas, '.staging'))).toBe(true);
  expect(site.leftOvers()).toEqual([]);
});
