import { type Algorithm, readDestination, readPath } from '@app/files';
import { type StagingRecord } from '@app/records';
import { type StagingOperation } from '../contract/staging-method';

/** The operation that a record was written for: all that a method needs to do it again. */
export function operationOf(record: StagingRecord): StagingOperation {
  const { expectedAlgorithm: algorithm, expectedChecksum: value, nameEncoding, localPathOnStorage: asSent } = record;
  return {
    id: record.id,
    username: record.username,
    source: {
      path: readPath('local_path_on_storage', asSent, nameEncoding),
      storage: record.storage ?? undefined,
      asSent,
    },
    destination: record.relativePath === null ? null : readDestination(record.relativePath, nameEncoding),
    expected: algorithm && value ? { algorithm: algorithm as Algorithm, value } : null,
    ifExists: record.ifExists ?? 'skip',
    server: record.server,
  };
}
