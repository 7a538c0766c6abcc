import { Inject, Injectable } from '@nestjs/common';
import { Gauge, type Registry } from 'prom-client';
import { type RootState, WorkerPool } from '@app/files';
import { JOB_QUEUE, type JobQueue } from '@app/queue';
import { DeferredSettlements } from '@app/records';
import { ConnectionMonitor } from './connection-monitor';
import { Metrics } from './metrics.service';
import { RootMonitor } from './root-monitor';
import { TimelyQuestion } from './timely-question';

/** How long a scrape waits for the queue to tell how much waits, in milliseconds. */
const DEPTH_MS = 1000;

/** The label of the root of the user areas, beside the names of the storages. */
const USER_AREAS = 'user_areas';

/** A value; null or undefined while it is not known. */
type Reading = number | boolean | null | undefined;

/**
 * What Prometheus may know of the state of this process and of what it works with. A scrape touches no storage and no
 * database, and waits a second at most; what is not known is left out, rather than told as it once was.
 */
@Injectable()
export class StateGauges {
  constructor(
    { registry }: Metrics,
    pool: WorkerPool,
    @Inject(JOB_QUEUE) queue: Pick<JobQueue, 'depth' | 'runningHere'>,
    roots: RootMonitor,
    connections: ConnectionMonitor,
    deferred: DeferredSettlements,
  ) {
    const depth = new TimelyQuestion(() => queue.depth(), DEPTH_MS);
    const waiting = async () => (await depth.answer(undefined))?.waiting;
    gauge(registry, 'staging_queue_depth', 'Operations that wait for their turn, of the whole site', waiting);
    const running = () => queue.runningHere.length;
    gauge(registry, 'staging_operations_running', 'Operations under way in this process', running);
    const tasks = () => pool.waiting;
    gauge(registry, 'staging_file_tasks_waiting', 'Pieces of file work that wait for a thread', tasks);
    const workers = () => connections.seen.queue?.workers;
    gauge(registry, 'staging_workers', 'Worker processes that live; none where the work is done without', workers);
    gauge(registry, 'staging_queue_up', 'Whether the queue answers (1) or not (0)', () => connections.seen.queue?.up);
    const database = () => connections.seen.database;
    gauge(registry, 'staging_database_up', 'Whether the database answers (1) or not (0)', database);
    const pending = () => deferred.pending;
    gauge(registry, 'staging_settlements_pending', 'Ends of operations that the database has not taken yet', pending);
    const isUp = 'Whether this process can use the storage (1) or not (0)';
    rootGauge(registry, 'staging_storage_up', isUp, roots, ({ available }) => available);
    const free = 'Bytes that can still be written to the storage';
    rootGauge(registry, 'staging_storage_free_bytes', free, roots, ({ freeBytes }) => freeBytes);
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => Reading | Promise<Reading>): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect: async function () {
      const value = await readingOf(read);
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}

/** One value for each root; none before the roots were looked at first. */
function rootGauge(
  registry: Registry,
  name: string,
  help: string,
  roots: RootMonitor,
  read: (state: RootState) => Reading,
): void {
  new Gauge({
    name,
    help,
    labelNames: ['storage'],
    registers: [registry],
    collect: async function () {
      this.reset();
      const { storages, target, secondsAgo } = roots.seen;
      if (secondsAgo === null) return;
      for (const state of [...storages, target]) {
        const value = await readingOf(() => read(state));
        if (value !== undefined) this.set({ storage: state.storage ?? USER_AREAS }, value);
      }
    },
  });
}

/** What fails is not known: one value that is missing must not cost the others. */
async function readingOf(read: () => Reading | Promise<Reading>): Promise<number | undefined> {
  try {
    const value = await read();
    return value === null || value === undefined ? undefined : Number(value);
  } catch {
    return undefined;
  }
}
