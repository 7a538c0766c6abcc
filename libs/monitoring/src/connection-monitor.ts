import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { JOB_QUEUE, type JobQueue, type QueueHealth } from '@app/queue';
import { DatabaseHealth } from '@app/records';
import { Rounds } from './rounds';
import { TimelyQuestion } from './timely-question';

/** How often database and queue are asked, in milliseconds, and how long each may take for its answer. */
const ROUND_MS = 5000;
const ANSWER_MS = 2000;

/** Whether what a process is connected to answered when it was asked last; null before that. */
export interface ConnectionsSeen {
  database: boolean | null;
  queue: QueueHealth | null;
}

const SILENT: QueueHealth = {
  up: false,
  workers: null,
  problem: `The queue did not answer for ${ANSWER_MS / 1000} s.`,
};

/** Asks database and queue from time to time whether they answer, so that a scrape of the metrics waits for neither. */
@Injectable()
export class ConnectionMonitor implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds = new Rounds(ROUND_MS, () => this.look());
  private readonly database: TimelyQuestion<boolean>;
  private readonly queue: TimelyQuestion<QueueHealth>;
  private last: ConnectionsSeen = { database: null, queue: null };

  constructor(database: DatabaseHealth, @Inject(JOB_QUEUE) queue: Pick<JobQueue, 'health'>) {
    this.database = new TimelyQuestion(() => answers(database), ANSWER_MS);
    this.queue = new TimelyQuestion(() => queue.health(), ANSWER_MS);
  }

  onApplicationBootstrap(): Promise<void> {
    return this.rounds.start();
  }

  beforeApplicationShutdown(): void {
    this.rounds.stop();
  }

  /** What was seen last. */
  get seen(): ConnectionsSeen {
    return this.last;
  }

  private async look(): Promise<void> {
    const [database, queue] = await Promise.all([this.database.answer(false), this.queue.answer(SILENT)]);
    this.last = { database, queue };
  }
}

async function answers(database: DatabaseHealth): Promise<boolean> {
  try {
    await database.check();
    return true;
  } catch {
    // Why is told by readiness, and by whatever needed the database.
    return false;
  }
}
