import { loadSettings, type Settings, SettingsError } from '@app/core';
import { createLogging } from '@app/logging';
import { loggingOptions } from './lib-options';
import { type ProcessRole } from './process-role';

/**
 * Runs a program with its settings. When they are not usable, or the program fails, that is told on standard error (and
 * in the log, once it is known where that is), and the process ends with status 1.
 */
export async function runProgram(
  program: (settings: Settings) => Promise<void>,
  role: ProcessRole = 'api',
): Promise<void> {
  let settings: Settings | undefined;
  try {
    settings = loadSettings();
    await program(settings);
  } catch (error) {
    await tell(error, settings, role);
    process.exit(1);
  }
}

async function tell(error: unknown, settings: Settings | undefined, role: ProcessRole): Promise<void> {
  if (settings === undefined || error instanceof SettingsError) {
    process.stderr.write(`${error instanceof SettingsError ? error.message : String(error)}\n`);
    return;
  }
  const { logger } = createLogging(loggingOptions(settings, role));
  const message = error instanceof Error ? error.message : String(error);
  logger.error(`The start failed: ${message}`, { error });
  await logger.close();
}
