import { type Database } from './database/database';
import { DatabaseHealth } from './database/database-health';
import { openDatabase } from './database/open-database';
import { ManifestRepository } from './manifest/manifest.repository';
import { OperationRepository } from './operations/operation.repository';
import { OrphanedOperations } from './processes/orphaned-operations';
import { ProcessIdentity } from './processes/process-identity';
import { type RecordsOptions } from './records-options';
import { DeferredSettlements } from './settlements/deferred-settlements';

/** The parts of the library, wired together. */
export interface Records {
  operations: OperationRepository;
  manifest: ManifestRepository;
  deferred: DeferredSettlements;
  health: DatabaseHealth;
  identity: ProcessIdentity;
  orphans: OrphanedOperations;
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
  const identity = new ProcessIdentity();
  return {
    operations,
    manifest,
    deferred,
    health: new DatabaseHealth(database),
    identity,
    orphans: new OrphanedOperations(operations, database, identity),
    database,
    close: async () => {
      deferred.close();
      await database.close();
    },
  };
}
