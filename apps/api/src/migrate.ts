import { loggingOptions, recordsOptions, runProgram } from '@app/composition';
import { type Settings } from '@app/core';
import { createLogging } from '@app/logging';
import { runMigrations } from '@app/records';

/** Brings the schema of the database up to date; safe to repeat, also by several processes at once. */
async function migrate(settings: Settings): Promise<void> {
  const { logger } = createLogging(loggingOptions(settings, 'api'));
  await runMigrations(recordsOptions(settings, logger));
  logger.info('The database is up to date');
  await logger.close();
}

void runProgram(migrate, 'api');
