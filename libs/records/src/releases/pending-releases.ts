import { type Database } from '../database/database';
import { isDuplicate } from '../database/database-errors';
import { insertRows, updateRows } from '../database/table-statements';
import { StagingRelease } from '../entities/staging-release.entity';
import { type ProcessIdentity } from '../processes/process-identity';

/** The list of operations whose results are to be removed. */
export class PendingReleases {
  constructor(
    private readonly database: Database,
    private readonly identity: ProcessIdentity,
  ) {}

  /** Enters an operation, for this process to work on; false when it is there already. */
  async add(operationId: string): Promise<boolean> {
    const row = { operationId, owner: this.identity.name, requestedAt: new Date() };
    try {
      await this.database.write((manager) => insertRows(manager, StagingRelease, [row]));
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  /** Takes an operation off the list. Idempotent. */
  async remove(operationId: string): Promise<void> {
    await this.database.write((manager) => manager.delete(StagingRelease, { operationId }));
  }

  /** Operations that a process was to work on, oldest first. */
  async of(owner: string): Promise<string[]> {
    const rows = await this.database.read((manager) =>
      manager.find(StagingRelease, { where: { owner }, order: { operationId: 'ASC' } }),
    );
    return rows.map(({ operationId }) => operationId);
  }

  /** Makes this process work on what another one was to. */
  async takeOver(from: string): Promise<void> {
    const where = { text: 'owner = ?', parameters: [from] };
    await this.database.write((manager) => updateRows(manager, StagingRelease, { owner: this.identity.name }, where));
  }
}
