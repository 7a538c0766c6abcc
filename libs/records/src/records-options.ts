import { type StagingAudit } from './entities/staging-audit.entity';
import { type StagingRecord } from './entities/staging-record.entity';

/** How the records are kept. */
export interface RecordsOptions {
  /** `sqlite:<path>` (`sqlite::memory:` for tests) or `mysql://user:password@host:3306/name`, percent-encoded. */
  databaseUrl: string;
  /** Time after which a database that does not answer counts as unavailable, for each call as a whole. */
  timeoutMs: number;
  /** A process that has not said for so long that it lives has lost its work to others. Default: two minutes. */
  leaseMs?: number;
  /** Told of each settlement that could not be brought to the database and is given up. */
  onLostSettlement?: (record: StagingRecord, reason: unknown) => void;
  /** Told of each entry of the audit that could not be brought to the database and is given up. */
  onLostAudit?: (entry: StagingAudit, reason: unknown) => void;
}
