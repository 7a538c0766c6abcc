import { type Database } from '../database/database';
import { isDuplicate } from '../database/database-errors';
import { insertRows, updateRows } from '../database/table-statements';
import { StagingProcess } from '../entities/staging-process.entity';
import { type ProcessIdentity } from './process-identity';

/** The lease of processes that share nothing but a database file: they beat every half minute. */
const DEFAULT_LEASE_MS = 120_000;
/** Part of the lease that lies between two looks which must both find a heartbeat stopped. */
const CONFIRM = 3 / 8;

interface Silence {
  heartbeat: number;
  /** When it was found first, by the clock that never jumps. */
  since: number;
}

/** The processes that work on the same records: which live, and who goes on with what a dead one left. */
export class Processes {
  private silences = new Map<string, Silence>();

  constructor(
    private readonly database: Database,
    private readonly identity: ProcessIdentity,
    private readonly leaseMs = DEFAULT_LEASE_MS,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** How often a process has to beat, in milliseconds: a lease is missed only when several beats were. */
  get beatMs(): number {
    return this.leaseMs / 4;
  }

  /** Enters this process: before it writes any record. Idempotent. */
  async register(): Promise<void> {
    if (await this.beatOnce()) return;
    const row = { name: this.identity.name, heartbeatAt: this.database.timestamp(), heir: null };
    try {
      await this.database.write((manager) => insertRows(manager, StagingProcess, [row]));
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }

  /** Says that this process lives; enters it again where somebody took it for dead. */
  async beat(): Promise<void> {
    await this.register();
  }

  private async beatOnce(): Promise<boolean> {
    const values = { heartbeatAt: this.database.timestamp(), heir: null };
    const where = { text: 'name = ?', parameters: [this.identity.name] };
    return (await this.database.write((manager) => updateRows(manager, StagingProcess, values, where))) === 1;
  }

  /**
   * Names of processes that are known to be dead, or have not beaten for the time of a lease: then from the second look on,
   * at least three eighths of a lease after the first. For when a database was away, no heart could be seen to beat, and the living need
   * a moment to show themselves.
   */
  async dead(): Promise<string[]> {
    const now = await this.database.now();
    const all = await this.database.read((manager) => manager.find(StagingProcess));
    const silences = new Map<string, Silence>();
    const dead = all.filter((one) => this.isDead(one, now.getTime(), silences));
    this.silences = silences;
    return dead.map(({ name }) => name);
  }

  private isDead({ name, heartbeatAt }: StagingProcess, now: number, silences: Map<string, Silence>): boolean {
    if (name === this.identity.name) return false;
    if (this.identity.isDead(name)) return true;
    const heartbeat = heartbeatAt.getTime();
    if (now - heartbeat <= this.leaseMs) return false;
    const before = this.silences.get(name);
    const silence = before?.heartbeat === heartbeat ? before : { heartbeat, since: this.clock() };
    silences.set(name, silence);
    return this.clock() - silence.since >= CONFIRM * this.leaseMs;
  }

  /**
   * Makes this process the heir of a dead one; true for exactly one living process. When the heir dies itself before it
   * has called {@link forget}, another may become it.
   */
  async inherit(name: string): Promise<boolean> {
    const known = await this.database.read((manager) => manager.findOneBy(StagingProcess, { name }));
    if (!known) return false;
    const { heir } = known;
    if (heir === this.identity.name) return true;
    if (heir !== null && !(await this.isGone(heir))) return false;
    const where =
      heir === null
        ? { text: 'name = ? AND heir IS NULL', parameters: [name] }
        : { text: 'name = ? AND heir = ?', parameters: [name, heir] };
    const values = { heir: this.identity.name };
    return (await this.database.write((manager) => updateRows(manager, StagingProcess, values, where))) === 1;
  }

  /** Whether a process is surely dead, or was taken for dead: one that has left no row has nothing under way any more. */
  async isGone(name: string): Promise<boolean> {
    if (this.identity.isDead(name)) return true;
    if (name === this.identity.name) return false;
    const row = await this.database.read((manager) => manager.findOneBy(StagingProcess, { name }));
    return row === null;
  }

  /** Removes a dead process that has left nothing any more. Idempotent. */
  async forget(name: string): Promise<void> {
    await this.database.write((manager) => manager.delete(StagingProcess, { name }));
  }
}
