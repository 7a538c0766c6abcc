import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { cleanUpAfterEach } from '../support/cleanups';
import { bytesOf, contentOf, makeSparseFile, makeTree, patchFile, type Snapshot, snapshot } from '../support/files';
import { type Answer } from '../support/http-client';
import { operations } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/**
 * Whatever is asked for in whatever order, and whenever the service is killed or stopped: each operation ends as it may,
 * each destination is there once or not at all, and nothing is left over.
 */

cleanUpAfterEach();

const RUNS = 6;
/** More, and an operation is taken for what kills its process. */
const MAX_DEATHS = 3;
const MIB = 1024 ** 2;
const SOURCES = ['small', 'other', 'tree', 'large', 'missing'] as const;
const PLACES = ['a', 'b'] as const;
const ENDED = new Set(['success', 'failure', 'cancelled']);

type Source = (typeof SOURCES)[number];
type Told = Answer['body'];

/** What the test knows of its operations: what it asked for, and what it was told that it would get. */
interface Asked {
  source: Source;
  wasCancelled: boolean;
  wasReleased: boolean;
  attempts: number;
}

interface Model {
  operations: Map<string, Asked>;
}

/** The service with one user who has nothing so far. */
class World {
  constructor(
    readonly service: RunningService,
    readonly user: string,
  ) {}

  async state(id: string): Promise<Told> {
    return (await this.service.get(`/operations/${id}`)).body;
  }

  area(...names: string[]): string {
    return path.join(this.service.areas, this.user, ...names);
  }

  sourceFile(source: Source): string {
    return path.join(this.service.storage, source);
  }
}

type Step = fc.AsyncCommand<Model, World>;

class Stage implements Step {
  constructor(
    private readonly source: Source,
    private readonly place: string,
  ) {}

  check = () => true;

  async run(model: Model, { service, user }: World): Promise<void> {
    const body = { local_path_on_storage: this.source, relative_path: `${this.place}/${this.source}` };
    const answer = await service.stage(body, { username: user }, { Prefer: 'respond-async' });
    expect(answer.status).toBe(202);
    const { id, attempts } = answer.body.operation as { id: string; attempts: number };
    const known = model.operations.get(id);
    // The same request joins one that has not ended.
    if (known) expect(known.source).toBe(this.source);
    else model.operations.set(id, { source: this.source, wasCancelled: false, wasReleased: false, attempts });
  }

  toString = () => `stage(${this.source}, ${this.place})`;
}

/** A step for one of the operations that there are, if there are any. */
abstract class OnOne implements Step {
  constructor(private readonly pick: number) {}

  check = ({ operations: all }: Readonly<Model>) => all.size > 0;

  async run(model: Model, world: World): Promise<void> {
    const ids = [...model.operations.keys()];
    const id = ids[this.pick % ids.length]!;
    await this.ask(id, model.operations.get(id)!, world);
  }

  protected abstract ask(id: string, asked: Asked, world: World): Promise<void>;

  toString(): string {
    return `${this.constructor.name}(${this.pick})`;
  }
}

class Cancel extends OnOne {
  protected async ask(id: string, asked: Asked, { service }: World): Promise<void> {
    const { status, body } = await service.post(`/operations/${id}/cancel`);
    if (status === 202) asked.wasCancelled = true;
    else expect([status, body.code, body.operation_id]).toEqual([409, 'already_ended', id]);
  }
}

class Retry extends OnOne {
  protected async ask(id: string, asked: Asked, world: World): Promise<void> {
    const before = await world.state(id);
    const { status, body } = await world.service.post(`/operations/${id}/retry`);
    if (status === 202) {
      expect(before.status).not.toBe('success');
      expect(body.attempts).toBeGreaterThan(before.attempts as number);
      asked.wasCancelled = false;
    } else {
      expect([status, body.code]).toEqual([409, 'not_retryable']);
      expect(before.status === 'failure' || before.status === 'cancelled').toBe(false);
    }
  }
}

class Release extends OnOne {
  protected async ask(id: string, asked: Asked, world: World): Promise<void> {
    const { status, body } = await world.service.post(`/operations/${id}/release`);
    if (status === 202) {
      expect(body).toMatchObject({ status: 'success', outcome: 'staged' });
      asked.wasReleased = true;
    } else expect([status, body.code]).toEqual([409, 'already_ended']);
  }
}

class Kill implements Step {
  check = () => true;

  async run(_model: Model, { service }: World): Promise<void> {
    await service.kill9();
    await service.restart();
  }

  toString = () => 'kill';
}

class Stop implements Step {
  check = () => true;

  async run(_model: Model, { service }: World): Promise<void> {
    expect(await service.stop()).toBe(0);
    await service.restart();
  }

  toString = () => 'stop';
}

/** Lets everything end, and looks. */
class Look implements Step {
  check = () => true;

  async run(model: Model, world: World): Promise<void> {
    await until(() => hasEnded(model, world), 'an operation does not end', 60);
    const all = await operations(world.service, `username=${world.user}`);
    expect(all.map(({ id }) => id as string).sort()).toEqual([...model.operations.keys()].sort());
    for (const operation of all) {
      const { body } = await world.service.get(`/operations/${operation.id}/attempts`);
      checkEnd(operation, model.operations.get(operation.id as string)!, body.items as Told[]);
    }
    for (const source of SOURCES) for (const place of PLACES) checkPlace(place, source, all, world);
    await until(() => leftOvers(world).length === 0, `something is left: ${leftOvers(world).join(', ')}`);
  }

  toString = () => 'look';
}

async function hasEnded(model: Model, world: World): Promise<boolean> {
  for (const [id, { wasReleased }] of model.operations) {
    const { status, released_at: released, warning } = await world.state(id);
    if (!ENDED.has(status as string)) return false;
    if (wasReleased && released === null && warning === null) return false;
  }
  return true;
}

function checkEnd(operation: Told, asked: Asked, history: Told[]): void {
  const { status, attempts, error_code: code } = operation;
  expect(attempts).toBe(1 + history.length);
  expect(operation.finished_at).not.toBeNull();
  if (status === 'cancelled') expect(asked.wasCancelled).toBe(true);
  else if (asked.source === 'missing') expect([status, code]).toEqual(['failure', 'source_not_found']);
  else if (code === 'internal_error') expect(deathsOf(history)).toBe(MAX_DEATHS);
  else expect(status).toBe('success');
  if (asked.wasReleased) expect(operation).toMatchObject({ status: 'success', released_at: expect.any(String) });
}

/** How often the process of an operation died since it was begun anew. */
function deathsOf(history: Told[]): number {
  const latest = history.slice(history.findLastIndex(({ status }) => status !== 'interrupted') + 1);
  return latest.filter(({ error_code: code }) => code === null).length;
}

/** A destination is there when one operation staged it that was not released, and no other did. */
function checkPlace(place: string, source: Source, all: Told[], world: World): void {
  const destination = `${place}/${source}`;
  const owners = all.filter(
    ({ relative_path: to, outcome, released_at: released }) =>
      to === destination && outcome === 'staged' && released === null,
  );
  const isThere = existsSync(world.area(destination));
  expect([destination, owners.length]).toEqual([destination, isThere ? 1 : 0]);
  if (isThere) expect(contentOf(snapshot(world.area(destination)))).toEqual(contents.get(source));
}

function leftOvers({ service, user }: World): string[] {
  const inArea = existsSync(path.join(service.areas, user))
    ? readdirSync(path.join(service.areas, user), { recursive: true }).map(String)
    : [];
  return [
    ...readdirSync(path.join(service.areas, '.staging')),
    ...inArea.filter((name) => path.basename(name).startsWith('.staging')),
  ];
}

let service: RunningService;
const contents = new Map<Source, ReturnType<typeof contentOf>>();
let storage: Snapshot;

beforeAll(async () => {
  service = await startService({
    env: { WORKER_CONCURRENCY: '2', SHUTDOWN_GRACE_SECONDS: '1', RETRY_DELAY_SECONDS: '0' },
    files: { small: 'a few bytes', other: bytesOf('other', 5 * MIB) },
  });
  makeTree(path.join(service.storage, 'tree'), { files: 1200, sizes: [10, 5000], perDirectory: 100 });
  makeSparseFile(path.join(service.storage, 'large'), 400 * MIB);
  patchFile(path.join(service.storage, 'large'), 0, 'not a hole');
  storage = snapshot(service.storage);
  for (const source of SOURCES) {
    if (source !== 'missing') contents.set(source, contentOf(snapshot(path.join(service.storage, source))));
  }
}, 60_000);

it('holds whatever is asked for, killed and stopped', async () => {
  const pick = fc.nat(9);
  const step = fc.commands(
    [
      fc
        .tuple(fc.constantFrom(...SOURCES), fc.constantFrom(...PLACES))
        .map(([source, place]) => new Stage(source, place)),
      fc
        .tuple(fc.constantFrom(...SOURCES), fc.constantFrom(...PLACES))
        .map(([source, place]) => new Stage(source, place)),
      pick.map((index) => new Cancel(index)),
      pick.map((index) => new Retry(index)),
      pick.map((index) => new Release(index)),
      fc.constant(new Kill()),
      fc.constant(new Stop()),
      fc.constant(new Look()),
    ],
    { size: 'large', maxCommands: 30 },
  );
  let run = 0;
  const property = fc.asyncProperty(step, async (steps) => {
    run += 1;
    const world = new World(service, `user${run}`);
    const model: Model = { operations: new Map() };
    await fc.asyncModelRun(() => ({ model, real: world }), steps);
    await new Look().run(model, world);
  });
  await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
  expect(snapshot(service.storage)).toEqual(storage);
}, 300_000);
