import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { type AppError } from '@app/core';
import { type OpenFile, type OpenTree } from '@app/files';
import { createTestSite, type TestSite } from '@app/files/testing';
import {
  type Deliver,
  type Delivery,
  type MethodCapabilities,
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
} from '../contract/staging-method';

/** What the suite needs to know of a method. */
export interface MethodHarness {
  /** Where the method says that its results go; default: the user's area. */
  destination?: MethodCapabilities['destination'];
  /** Makes the method on a fresh site with real files; called for each case. */
  create(site: TestSite): StagingMethod | Promise<StagingMethod>;
  /**
   * The directory of this host in which results for the user `jane` appear, empty when a case begins. Default: her area;
   * for methods that deliver to whoever waits, a folder that the suite fills with what is delivered.
   */
  landing?: (site: TestSite) => string;
  /** What the method can beside staging, in this order: then the suite holds it against its promises there as well. */
  tells?: ('plan' | 'release')[];
  /** What unfinished work lies about besides the service's private directory; empty where nothing does. */
  leftOvers?: (site: TestSite) => string[];
}

/** Older than any test, so that times tell a kept one from a new one. */
export const OLD = new Date('2001-02-03T04:05:06Z');

/** What a method gets beside its operation, agreeing to everything; details may be overridden. */
export function contextOf(site: TestSite, overrides: Partial<StagingContext> = {}): StagingContext {
  const nothing = {
    knownChecksum: () => Promise.resolve(null),
    callerToken: null,
    deliver: null,
    gone: null,
    traceParent: null,
    waitsFor: () => undefined,
  };
  return { ...site.hooks(), ...nothing, ...overrides };
}

/** One site with one method, and short words for what the cases do with them. */
export class MethodScene {
  private constructor(
    readonly site: TestSite,
    readonly method: StagingMethod,
    private readonly harness: MethodHarness,
    private readonly landing: string,
  ) {}

  static async open(harness: MethodHarness): Promise<MethodScene> {
    const site = await createTestSite();
    const method = await harness.create(site);
    return new MethodScene(site, method, harness, landingOf(site, method, harness));
  }

  /** Writes a file of the storage, with the directories that it needs. */
  source(name: string, content: string | Buffer): void {
    const file = path.join(this.site.storage, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content, { mode: 0o644 });
    utimesSync(file, OLD, OLD);
  }

  /** Makes a named pipe on the storage. */
  pipe(name: string): void {
    execFileSync('mkfifo', [path.join(this.site.storage, name)]);
  }

  /** Lets everybody write to a directory that was brought, as its user could. */
  unseal(name: string): void {
    chmodSync(this.result(name), 0o755);
  }

  /** Where a result appears. */
  result(name: string): string {
    return path.join(this.landing, name);
  }

  /** How an outcome names that result. */
  stagedPath(name: string): string | null {
    return this.method.capabilities.destination === 'none' ? null : name;
  }

  operation(source: string, destination: string, details: Partial<StagingOperation> = {}): StagingOperation {
    const { operationId: id, ...rest } = this.site.request(source, destination);
    const isNowhere = this.method.capabilities.destination === 'none';
    return { id, server: null, ...rest, ...(isNowhere && { destination: null }), ...details };
  }

  context(destination: string, overrides: Partial<StagingContext> = {}): StagingContext {
    const isNowhere = this.method.capabilities.destination === 'none';
    const deliver: Deliver = (delivery) => this.take(delivery, destination);
    return contextOf(this.site, { deliver: isNowhere ? deliver : null, ...overrides });
  }

  stage(
    source: string,
    destination: string,
    details: Partial<StagingOperation> = {},
    context: Partial<StagingContext> = {},
  ): Promise<StagingOutcome> {
    return this.method.stage(this.operation(source, destination, details), this.context(destination, context));
  }

  /** Expects a failure with this code, and that nothing of it is left anywhere. */
  async refuses(code: string, attempt: Promise<StagingOutcome>, destination: string): Promise<AppError> {
    const before = existsSync(this.result(destination));
    const error = await attempt.then(
      () => undefined,
      (reason: unknown) => reason as AppError,
    );
    expect(error?.code).toBe(code);
    expect(this.site.leftOvers()).toEqual([]);
    expect(this.harness.leftOvers?.(this.site) ?? []).toEqual([]);
    expect(existsSync(this.result(destination))).toBe(before);
    return error!;
  }

  /** Receives a delivery as a careful client does: what is not complete is thrown away. */
  async take({ source }: Delivery, destination: string, signal = new AbortController().signal): Promise<number> {
    const folder = mkdtempSync(path.join(this.site.directory, 'taking-'));
    try {
      const taken = path.join(folder, 'taken');
      const bytes =
        source.kind === 'file' ? await takeFile(source, taken, signal) : await takeTree(source, taken, signal);
      mkdirSync(path.dirname(this.result(destination)), { recursive: true });
      renameSync(taken, this.result(destination));
      return bytes;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function landingOf(site: TestSite, method: StagingMethod, { landing }: MethodHarness): string {
  if (landing) return landing(site);
  return method.capabilities.destination === 'none'
    ? path.join(site.directory, 'taken')
    : path.join(site.areas, 'jane');
}

async function takeFile(source: OpenFile, file: string, signal: AbortSignal): Promise<number> {
  const target = await open(file, 'wx');
  try {
    let bytes = 0;
    for await (const piece of source.pieces(0, source.identity.size, signal)) {
      await target.write(piece);
      bytes += piece.length;
    }
    return bytes;
  } finally {
    await target.close();
  }
}

async function takeTree(source: OpenTree, folder: string, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  mkdirSync(folder);
  for await (const entry of source.entries(signal)) {
    const name = path.join(folder, Buffer.from(entry.path, 'latin1').toString());
    if (entry.type === 'directory') mkdirSync(name);
    else if (entry.type === 'link') symlinkSync(Buffer.from(entry.text, 'latin1'), name);
    else {
      try {
        bytes += await takeFile(entry.file, name, signal);
      } finally {
        await entry.file.close();
      }
    }
  }
  return bytes;
}

/** Every name below a directory, in order. */
export function namesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true }).map(String).sort();
}
