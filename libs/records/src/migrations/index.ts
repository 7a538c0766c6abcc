import { CreateRecords1764000000000 } from './1764000000000-create-records';
import { BackgroundOperations1764200000000 } from './1764200000000-background-operations';
import { Requesters1764300000000 } from './1764300000000-requesters';
import { Audit1764400000000 } from './1764400000000-audit';
import { SharedWork1764500000000 } from './1764500000000-shared-work';

/** All migrations, oldest first. One that has been released is never changed again. */
export const MIGRATIONS = [
  CreateRecords1764000000000,
  BackgroundOperations1764200000000,
  Requesters1764300000000,
  Audit1764400000000,
  SharedWork1764500000000,
];
