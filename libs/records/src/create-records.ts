import { AuditTrail } from './audit/audit-trail';
import { AuditRepository } from './audit/audit.repository';
import { BatchRepository } from './batches/batch.repository';
import { type Database } from './database/database';
import { DatabaseHealth } from './database/database-health';
import { openDatabase } from './database/open-database';
import { IdempotencyRepository } from './idempotency/idempotency.repository';
import { ManifestRepository } from './manifest/manifest.repository';
import { OperationRepository } from './operations/operation.repository';
import { Processes } from './processes/processes';
import { ProcessIdentity } from './processes/process-identity';
import { type RecordsOptions } from './records-options';
import { PendingReleases } from './releases/pending-releases';
import { DeferredSettlements } from './settlements/deferred-settlements';

/** The parts of the library, wired together. */
export interface Records {
  operations: OperationRepository;
  manifest: ManifestRepository;
  deferred: DeferredSettlements;
  health: DatabaseHealth;
  identity: ProcessIdentity;
  processes: Processes;
  batches: BatchRepository;
  idempotency: IdempotencyRepository;
  releases: PendingReleases;
  audit: AuditRepository;
  trail: AuditTrail;
  /** The way to the database, for tests. */
  database: Database;
  /** Gives up what settlements still wait, and closes the database. */
  close(): Promise<void>;
}

/**
 * Opens the database, brings its tables up to date and makes the parts. Throws `database_unavailable` when it cannot be
 * reached; its cause tells why.
 */
export async function createRecords(options: RecordsOptions): Promise<Records> {
  const database = await openDatabase(options);
  const manifest = new ManifestRepository(database);
  const deferred = new DeferredSettlements(database, manifest, options.onLostSettlement ?? (() => undefined));
  const operations = new OperationRepository(database, deferred, manifest);
  const audit = new AuditRepository(database);
  const trail = new AuditTrail(audit, options.onLostAudit ?? (() => undefined));
  const identity = new ProcessIdentity();
  const processes = new Processes(database, identity, options.leaseMs);
  return {
    operations,
    manifest,
    deferred,
    health: new DatabaseHealth(database),
    identity,
    processes,
    batches: new BatchRepository(database),
    idempotency: new IdempotencyRepository(database, identity, processes),
    releases: new PendingReleases(database, identity),
    audit,
    trail,
    database,
    close: async () => {
      deferred.close();
      await database.close();
    },
  };
}
