import os from 'node:os';
import { RedisLink } from '@app/cluster';
import { clusterOptions, loggingOptions, queueOptions, recordsOptions, runProgram } from '@app/composition';
import { type Settings, SettingsError } from '@app/core';
import { createLogging } from '@app/logging';
import { SharedQueue } from '@app/queue';
import { createRecords } from '@app/records';
import { QueueFiller } from '@app/staging';

/** Time that Redis gets to answer, in milliseconds. */
const READY_MS = 5000;

/**
 * Fills the queue from the records, for an operator who has lost or emptied Redis and does not want to wait until the service
 * notices. Safe to repeat, also while everything runs: what is in the queue stays where it is.
 */
async function requeue(settings: Settings): Promise<void> {
  // Beside running processes, whose log files are their own.
  const { logger } = createLogging({ ...loggingOptions(settings, 'api'), file: null });
  const options = clusterOptions(settings, logger);
  if (options === null) {
    throw new SettingsError(['REDIS_URL: needed, since without it no queue outlives its process']);
  }
  const link = new RedisLink(options);
  await link.ready(READY_MS);
  const name = `${os.hostname()}/requeue-${process.pid}`;
  const queue = new SharedQueue(link, { ...queueOptions(settings, 'api'), name, concurrency: 0 }, logger);
  const records = await createRecords(recordsOptions(settings, logger));
  try {
    await new QueueFiller(records.operations, records.batches, queue, logger).fill();
  } finally {
    await queue.stop(0, () => new Error('The queue is filled'));
    link.close();
    await records.close();
    await logger.close();
  }
}

void runProgram(requeue, 'api');
