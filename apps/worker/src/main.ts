import { NestFactory } from '@nestjs/core';
import { keepHeapSmall, runProgram, stopOnSignals } from '@app/composition';
import { type Settings, SettingsError } from '@app/core';
import { AppLogger, NestLogger } from '@app/logging';
import { WorkerModule } from './worker.module';

/** The longest that a timer can be, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** Starts a worker; resolves when it takes work. */
async function work(settings: Settings): Promise<void> {
  if (settings.get('REDIS_URL') === undefined) {
    throw new SettingsError(['REDIS_URL: needed by a worker, which does nothing but what is queued there']);
  }
  const app = await NestFactory.createApplicationContext(WorkerModule.of(settings), {
    abortOnError: false,
    logger: false,
  });
  app.useLogger(app.get(NestLogger));
  stopOnSignals(app);
  // It lives until it is told to stop, also while nothing else holds it since nothing that it needs can be reached.
  setInterval(() => undefined, LONGEST_MS);
  app.get(AppLogger).info('The worker has started');
}

keepHeapSmall();
void runProgram(work, 'worker');
