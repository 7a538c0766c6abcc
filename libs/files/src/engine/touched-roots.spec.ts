import { mkdtempSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { writeFiles } from '../../../../test/support/files';
import { Ledger, Pulse } from '../pool/control';
import { betweenCalls, type SeenCall } from '../testing/between-calls';
import { loneControl, placeTask, stageHere } from '../testing/place-task';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { type PlaceTask } from './task-types';

/**
 * A call that never returns is told of the root that the worker said it would touch. So before each call it must have
 * said the right one: were the user areas blamed for a storage that hangs, every other storage would be refused as well.
 */

let site: TestSite;
let folder: string;
let second: string;

beforeAll(async () => {
  // One file system with the user areas, so that links can be made.
  folder = mkdtempSync(path.join(memoryFolder(), 'roots-'));
  second = path.join(folder, 'second');
  writeFiles(second, { 'far/file': 'far', 'far/sub/file': 'far' });
  site = await createTestSite(
    {
      storages: [
        { name: 'default', path: path.join(folder, 'first') },
        { name: 'second', path: second },
      ],
    },
    memoryFolder(),
  );
  writeFiles(site.storage, {
    file: 'FILE',
    large: Buffer.alloc(2_500_000),
    'tree/one': '1',
    'tree/sub/two': '22',
    'tree/x/three': '',
  });
  symlinkSync('sub', path.join(site.storage, 'tree/kept'));
  symlinkSync(path.join(second, 'far'), path.join(site.storage, 'tree/far'));
  symlinkSync(path.join(second, 'far/file'), path.join(site.storage, 'tree/far-file'));
});
afterAll(async () => {
  await site.close();
  rmSync(folder, { recursive: true });
});

/** Calls that go to one place alone; closing never waits, and a link is made in two places at once. */
const EXEMPT = new Set(['closeSync', 'linkSync']);

/** Number of the root that a call goes to; undefined where that cannot be told. */
function rootOf({ name, args }: SeenCall): number | undefined {
  if (EXEMPT.has(name)) return undefined;
  // A link's text comes first.
  const [first] = name === 'symlinkSync' ? args.slice(1) : args;
  const handle = typeof first === 'number' ? first : /^\/proc\/self\/fd\/(\d+)/.exec(String(first))?.[1];
  const place = handle === undefined ? String(first) : readlinkSync(`/proc/self/fd/${handle}`);
  const roots = [site.areas, site.storage, second];
  const found = roots.findIndex((root) => place === root || place.startsWith(`${root}/`));
  return found === -1 ? undefined : found;
}

const CASES: [string, string, Partial<PlaceTask>][] = [
  ['a copy', 'file', {}],
  ['a large copy', 'large', {}],
  ['a link', 'file', { content: 'link' }],
  ['a copy inside the area', 'file', { besideDestination: true }],
  ['a copy of a tree with files of another storage', 'tree', {}],
  ['a tree of links', 'tree', { content: 'link' }],
  ['a symbolic link', 'tree', { content: 'symlink', linkPrefixes: { default: '/seen' } }],
];

it.each(CASES)('%s says before each call where it goes', (_what, from, details) => {
  for (const attempt of ['made', 'compared']) {
    const pulse = new Pulse();
    const control = loneControl(() => undefined, { ledger: new Ledger(), pulse });
    const wrong: string[] = [];
    let told = 0;
    betweenCalls(
      (call) => {
        const root = rootOf(call);
        if (root === undefined) return;
        told += 1;
        if (root !== pulse.where) wrong.push(`call ${call.index}, ${call.name}, to root ${root}, said ${pulse.where}`);
      },
      () =>
        stageHere(
          placeTask(site, from, `to/${details.content ?? 'copy'}-${details.besideDestination}-${from}`, details),
          control,
        ),
    );
    expect({ attempt, wrong }).toEqual({ attempt, wrong: [] });
    expect(told).toBeGreaterThan(5);
  }
});
