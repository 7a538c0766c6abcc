import { type INestApplicationContext } from '@nestjs/common';
import { FilesModule } from '@app/files';
import { AppLogger } from '@app/logging';

/** Ends the process as an operator wishes: what runs may finish within the grace, then the exit status is 0. */
export function stopOnSignals(app: INestApplicationContext): void {
  const logger = app.get(AppLogger);
  const files = app.get(FilesModule);
  let isStopping = false;
  const stop = async (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.info(`Stopping on ${signal}`);
    await app.close();
    // A thread in a call that never returns would keep an orderly end waiting for ever.
    if (files.hanging) process.kill(process.pid, 'SIGKILL');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop(signal));
}
