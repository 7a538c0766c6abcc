import { existsSync, lstatSync, mkdirSync, readdirSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { type Ids, SERVICE_ACCOUNT } from '../support/accounts';
import { cleanUpAfterEach } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { contentOf, makeSparseFile, makeTree, patchFile, snapshot } from '../support/files';
import { logOf, manifestOf, operationOf, operationWriting } from '../support/operations';
import { type RunningService, serviceAsMissing, startService } from '../support/service';
import { until } from '../support/until';

/** A tree in the background whose service ends in the middle: the next one goes on from what was recorded. */

cleanUpAfterEach();

const FILES = 1500;
const MIB = 1024 ** 2;
const LARGE = 'tree/d000/below/large';
const REQUEST = { local_path_on_storage: 'tree', relative_path: 'in/deep/result' };

type Inodes = Record<string, bigint>;

/** Small files, so many that some are recorded before the end, and below them a large one that keeps the copy going. */
function makeSource(service: RunningService): void {
  makeTree(`${service.storage}/tree`, { files: FILES, sizes: [10], perDirectory: FILES });
  const large = `${service.storage}/${LARGE}`;
  mkdirSync(path.dirname(large));
  makeSparseFile(large, 4096 * MIB);
  patchFile(large, 0, 'not a hole');
}

const privateOf = (service: RunningService, id: string) => `${service.areas}/.staging/${id}`;

function inodesOf(root: string, names: string[]): Inodes {
  return Object.fromEntries(names.map((name) => [name, lstatSync(path.join(root, name), { bigint: true }).ino]));
}

/** Where a copy is built: the directories on the way to it are built with it. */
function builtIn(folder: string): string {
  const names = readdirSync(folder);
  return names.includes('d000') ? folder : builtIn(path.join(folder, names[0]!));
}

const pathsOf = async (service: RunningService, id: string) =>
  (await manifestOf(service, id)).map((row) => row.path as string);

/** Asks for the tree and waits until it is in the middle; returns the files that are recorded by then. */
async function inTheMiddle(service: RunningService): Promise<{ id: string; before: Inodes }> {
  const asked = await service.stage(REQUEST, {}, { Prefer: 'respond-async' });
  expect(asked.status).toBe(202);
  const id = asked.body.operation.id as string;
  expect(await operationWriting(`${service.areas}/.staging`, 64 * 1024)).toBe(id);
  let paths: string[] = [];
  await until(async () => (paths = await pathsOf(service, id)).length > 0, 'No file was recorded');
  return { id, before: inodesOf(builtIn(privateOf(service, id)), paths) };
}

/** The next attempt ends well, and has not copied again what was recorded. */
async function expectWentOn(service: RunningService, id: string, before: Inodes): Promise<void> {
  await until(async () => (await operationOf(service, id)).status === 'success', 'The operation did not end', 60);
  const place = `${service.areas}/ana/in/deep/result`;
  expect(await operationOf(service, id)).toMatchObject({ attempts: 2, outcome: 'staged', files_done: FILES + 1 });
  expect(contentOf(snapshot(place))).toEqual(contentOf(snapshot(`${service.storage}/tree`)));
  expect(inodesOf(place, Object.keys(before))).toEqual(before);
  const paths = await pathsOf(service, id);
  expect([paths.length, new Set(paths).size]).toEqual([FILES + 1, FILES + 1]);
  expect((await logOf(service, id)).map(({ message }) => message)).toContain(
    'Goes on from what an earlier attempt verified',
  );
  expect(readdirSync(`${service.areas}/.staging`)).toEqual([]);
}

async function endInTheMiddle(end: (service: RunningService) => Promise<unknown>, as?: Ids): Promise<void> {
  const service = await startService({ as, env: { SHUTDOWN_GRACE_SECONDS: '0' } });
  makeSource(service);
  const { id, before } = await inTheMiddle(service);
  await end(service);
  expect(existsSync(privateOf(service, id))).toBe(true);
  expect(existsSync(`${service.areas}/ana/in`)).toBe(false);
  truncateSync(`${service.storage}/${LARGE}`, MIB);
  await service.restart();
  await expectWentOn(service, id, before);
}

describe('a tree goes on with the next service when the first', () => {
  it('was killed', () => endInTheMiddle((service) => service.kill9()), 90_000);

  it('was stopped', () => endInTheMiddle(async (service) => expect(await service.stop()).toBe(0)), 90_000);

  describeWhere(serviceAsMissing(SERVICE_ACCOUNT), 'without privileges', () => {
    it('was killed', () => endInTheMiddle((service) => service.kill9(), SERVICE_ACCOUNT), 90_000);
  });
});
