import { chownSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { IdentitySet } from '../engine/identity-set';
import { type ManifestRow, type PlaceTask } from '../engine/task-types';
import { Ledger, Pulse } from '../pool/control';
import { type PlaceHooks, type PlaceRequest } from '../stager/placement';
import { betweenCalls } from './between-calls';
import { loneControl, placeTask, stageHere } from './place-task';
import { type TestSite } from './test-site';

/** Thrown where a service is killed: it makes no further call, except that its handles are closed. */
class Killed extends Error {}

/** One operation that copies over several attempts, with the manifest that its record would have. */
export class Attempts {
  readonly request: PlaceRequest;
  manifest: ManifestRow[] = [];
  restarts = 0;
  /** What the last attempt of this thread came to. */
  result: ReturnType<typeof stageHere> | undefined;
  private tries = 0;
  /** What the last attempt of this thread counted. */
  counted = { files: 0, bytes: 0 };

  constructor(
    private readonly site: TestSite,
    readonly source: string,
    destination: string,
    private readonly overrides: Partial<PlaceTask> = {},
  ) {
    this.request = site.request(source, destination);
  }

  /** Something of the source. */
  path(...names: string[]): string {
    return path.join(this.site.storage, this.source, ...names);
  }

  /** Where the tree is to appear. */
  get place(): string {
    return path.join(this.site.areas, this.request.username, ...this.request.destination.segments);
  }

  /** The private directory. */
  get kept(): string {
    return path.join(this.site.areas, '.staging', this.request.operationId);
  }

  /** Something of what is built, whatever directories on the way to it are made with it. */
  payload(...names: string[]): string {
    let top = path.join(this.kept, 'payload');
    const inner = new Set(this.request.destination.segments);
    for (let only = readdirSync(top); only.length === 1 && inner.has(only[0]!); only = readdirSync(top)) {
      top = path.join(top, only[0]!);
    }
    return path.join(top, ...names);
  }

  /** What a service that remembers the manifest gives to an attempt; details may be overridden. */
  hooks(overrides: Partial<PlaceHooks> = {}): PlaceHooks {
    return this.site.hooks({
      onManifest: (rows) => Promise.resolve(void this.manifest.push(...rows)),
      onRestart: () => {
        this.restarts += 1;
        this.manifest = [];
        return Promise.resolve();
      },
      keeps: () => true,
      ...overrides,
    });
  }

  /** The rows that are recorded by now, for the hook of the same name. */
  get earlier(): NonNullable<PlaceHooks['earlier']> {
    const rows = [...this.manifest];
    return async function* () {
      await Promise.resolve();
      yield rows;
    };
  }

  /**
   * An attempt in this very thread whose service is killed before its call number `at`; each row is recorded as soon as
   * its file is done. True when it was done before it came to that call. With `uid` the service is another account's.
   */
  async killed(at: number, uid?: number): Promise<boolean> {
    const identities = await IdentitySet.of(this.earlier());
    const { operationId, source, destination } = this.request;
    const task = placeTask(this.site, source.asSent, destination.segments.join('/'), {
      operationId,
      resume: identities.size > 0 ? identities.shared : null,
      earlierRows: this.tries === 0 ? null : identities.size,
      receipt: true,
      ...this.overrides,
    });
    this.tries += 1;
    return uid === undefined ? this.runUntil(at, task) : runHereAs(uid, () => this.runUntil(at, task));
  }

  private runUntil(at: number, task: PlaceTask): boolean {
    let isDead = false;
    const ledger = new Ledger();
    const keep = (rows: unknown) => {
      if (!isDead && Array.isArray(rows)) this.manifest.push(...(rows as ManifestRow[]));
      ledger.read();
    };
    const control = loneControl(keep, { ledger, pulse: new Pulse() });
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + 1000 * (seconds += 1));
    let seconds = 0;
    try {
      betweenCalls(
        ({ index, name }) => {
          isDead ||= index >= at;
          if (isDead && name !== 'closeSync') throw new Killed();
        },
        () => (this.result = stageHere(task, control)),
      );
      return !isDead;
    } catch (error) {
      // Some calls tell of a failure in their own words.
      if (isDead) return false;
      throw error;
    } finally {
      this.counted = { files: ledger.files, bytes: ledger.bytes };
      clock.mockRestore();
    }
  }
}

/** Runs calls as another account; every thread of the process has it meanwhile. Needs root. */
function runHereAs<T>(uid: number, work: () => T): T {
  process.seteuid!(uid);
  try {
    return work();
  } finally {
    process.seteuid!(0);
  }
}

/** Gives a folder, and the folders in it, to another account. */
export function give(folder: string, uid: number): void {
  chownSync(folder, uid, uid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) give(path.join(folder, entry.name), uid);
  }
}
