// For the command line tool of TypeORM: `npm run build && npx typeorm -d dist/ormconfig.js migration:show`.
import { loadSettings } from './libs/core/src/settings';
import { RecordsDataSource } from './libs/records/src/database/records-data-source';

export default new RecordsDataSource({ databaseUrl: loadSettings().get('DATABASE_URL'), timeoutMs: 10_000 });
