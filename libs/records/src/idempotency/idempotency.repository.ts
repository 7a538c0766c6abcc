import { type Database } from '../database/database';
import { isDuplicate } from '../database/database-errors';
import { insertRows, updateRows } from '../database/table-statements';
import { StagingIdempotency } from '../entities/staging-idempotency.entity';
import { type ProcessIdentity } from '../processes/process-identity';
import { type Processes } from '../processes/processes';

/** How long a key counts, in milliseconds (contract, section 1). */
const LIFETIME_MS = 86_400_000;

/** A request with a key. */
export interface KeyedRequest {
  /** Hash of the key with its scope, at most 64 characters. */
  key: string;
  /** Hash of what is asked for. */
  payload: string;
  /** Id of what the request will make. */
  subject: string;
}

/** What a key says of a request. */
export type Claim =
  /** It is the first one, and is to be done. */
  | { type: 'new' }
  /** It was done before: by what it made. */
  | { type: 'repeat'; subject: string }
  /** The first one has no answer yet. */
  | { type: 'in_progress' }
  /** The first one asked for something else. */
  | { type: 'reused' };

/** Keys of requests that are to be done once. */
export class IdempotencyRepository {
  constructor(
    private readonly database: Database,
    private readonly identity: ProcessIdentity,
    private readonly processes: Processes,
  ) {}

  /**
   * Takes a key for a request, for 24 hours; of two at once exactly one gets it. An unanswered key of a process that is
   * dead tells what it was going to make: whether that is there is for the caller to see, who may {@link free} the key.
   */
  async claim(request: KeyedRequest): Promise<Claim> {
    for (;;) {
      if (await this.insert(request)) return { type: 'new' };
      const known = await this.find(request.key);
      if (!known) continue;
      if (known.createdAt.getTime() < Date.now() - LIFETIME_MS) await this.free(known.id, known.subject);
      else return this.claimOn(known, request);
    }
  }

  private async claimOn(known: StagingIdempotency, { payload }: KeyedRequest): Promise<Claim> {
    if (known.payload !== payload) return { type: 'reused' };
    const isOpen = !known.answered && !(await this.processes.isGone(known.owner));
    return isOpen ? { type: 'in_progress' } : { type: 'repeat', subject: known.subject };
  }

  private async insert({ key: id, payload, subject }: KeyedRequest): Promise<boolean> {
    const row = { id, payload, subject, answered: false, owner: this.identity.name, createdAt: new Date() };
    try {
      await this.database.write((manager) => insertRows(manager, StagingIdempotency, [row]));
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  private find(id: string): Promise<StagingIdempotency | null> {
    return this.database.read((manager) => manager.findOneBy(StagingIdempotency, { id }));
  }

  /** Says that the first request has had its answer. */
  async answered(key: string, subject: string): Promise<void> {
    const where = { text: 'id = ? AND subject = ?', parameters: [key, subject] };
    await this.database.write((manager) => updateRows(manager, StagingIdempotency, { answered: true }, where));
  }

  /** Lets the key be taken anew, if it is still that of this subject. */
  async free(key: string, subject: string): Promise<void> {
    await this.database.write((manager) => manager.delete(StagingIdempotency, { id: key, subject }));
  }

  /** Removes keys of before a date. */
  async deleteBefore(date: Date): Promise<void> {
    await this.database.write((manager) =>
      manager.createQueryBuilder().delete().from(StagingIdempotency).where('created_at < :date', { date }).execute(),
    );
  }
}
