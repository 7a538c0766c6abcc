import { CreateRecords1764000000000 } from './1764000000000-create-records';

/** All migrations, oldest first. One that has been released is never changed again. */
export const MIGRATIONS = [CreateRecords1764000000000];
