import { type Database } from '../database/database';
import { type StagingRecord } from '../entities/staging-record.entity';
import { type OperationRepository } from '../operations/operation.repository';
import { type ProcessIdentity } from './process-identity';

/** Age from which on a heartbeat counts as stopped; processes beat every half minute. */
const SILENT_MS = 120_000;
/** Time between two looks that must both find a heartbeat stopped. */
const CONFIRM_MS = 45_000;

interface Silence {
  heartbeat: number;
  /** When it was found first, by the clock that never jumps. */
  since: number;
}

/** Finds the operations of processes that are dead. */
export class OrphanedOperations {
  private silences = new Map<string, Silence>();

  constructor(
    private readonly records: OperationRepository,
    private readonly database: Database,
    private readonly identity: ProcessIdentity,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /**
   * Queued and running operations whose process is known to be dead, or has not beaten for two minutes: then from the
   * second look on, at least 45 seconds after the first. For when a database was away, no heart could be seen to beat,
   * and the living need a moment to show themselves.
   */
  async list(): Promise<StagingRecord[]> {
    const now = await this.database.now();
    const silences = new Map<string, Silence>();
    const orphans: StagingRecord[] = [];
    for await (const records of this.records.eachUnfinished()) {
      orphans.push(...records.filter((record) => this.isOrphaned(record, now.getTime(), silences)));
    }
    this.silences = silences;
    return orphans;
  }

  private isOrphaned(record: StagingRecord, now: number, silences: Map<string, Silence>): boolean {
    const { id, owner, heartbeatAt } = record;
    if (owner === this.identity.name) return false;
    if (owner !== null && this.identity.isDead(owner)) return true;
    const heartbeat = heartbeatAt?.getTime();
    if (heartbeat === undefined || now - heartbeat <= SILENT_MS) return false;
    const before = this.silences.get(id);
    const silence = before?.heartbeat === heartbeat ? before : { heartbeat, since: this.clock() };
    silences.set(id, silence);
    return this.clock() - silence.since >= CONFIRM_MS;
  }
}
