import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { type RootState } from '@app/files';
import { JOB_QUEUE, type JobQueue, type QueueHealth } from '@app/queue';
import { DatabaseHealth } from '@app/records';
import { MethodMonitor, type MethodState } from './method-monitor';
import { type Check, type NamedCheck, type ReadinessReport } from './readiness-report';
import { RootMonitor, type RootsSeen } from './root-monitor';
import { TimelyQuestion } from './timely-question';

/** How long a readiness check waits for database and queue, in milliseconds. */
const ANSWER_MS = 2000;
/** Age at which what was seen of the storages is told to be old: all workers are busy, or one of them hangs. */
const OLD_SECONDS = 20;

const UP: Check = { status: 'up', detail: null };

/** Whether the service can do its work just now. */
@Injectable()
export class Readiness {
  private readonly databaseQuestion = new TimelyQuestion(() => this.askDatabase(), ANSWER_MS);
  private readonly queueQuestion = new TimelyQuestion(() => this.queue.health(), ANSWER_MS);

  constructor(
    private readonly database: DatabaseHealth,
    private readonly roots: RootMonitor,
    @Inject(JOB_QUEUE) private readonly queue: Pick<JobQueue, 'accepting' | 'health'>,
    private readonly methods: MethodMonitor,
  ) {}

  /** Answers within about two seconds, whatever does not answer itself. */
  async check(): Promise<ReadinessReport> {
    const [database, queue] = await Promise.all([
      this.databaseQuestion.answer(down(silence('database'))),
      this.queueQuestion.answer<QueueHealth>({ up: false, workers: null, problem: silence('queue') }),
    ]);
    const seen = this.roots.seen;
    const checks = {
      service: this.queue.accepting ? UP : down('The service is stopping.'),
      database,
      storages: seen.storages.map((state) => ({ name: state.storage ?? '', ...rootCheck(state) })),
      user_areas: rootCheck(seen.target),
      queue: queue.up ? UP : down(queue.problem ?? 'The queue does not answer.'),
      // One that is away is told, but keeps the others from nothing.
      methods: this.methods.seen.filter(isAsked).map((state) => ({ name: state.name, ...methodCheck(state) })),
    };
    const needed = [checks.service, database, checks.user_areas, checks.queue, ...checks.storages];
    const isUp = needed.every(({ status }) => status === 'up');
    return {
      status: isUp ? 'up' : 'down',
      checks,
      warnings: [...warningsOf(seen), ...queueWarnings(queue), ...checks.methods.flatMap(warningOf)],
    };
  }

  private async askDatabase(): Promise<Check> {
    try {
      await this.database.check();
      return UP;
    } catch (error) {
      // Nothing of the error underneath, which may tell names and addresses of the site.
      return down(AppError.from(error).message);
    }
  }
}

function down(detail: string): Check {
  return { status: 'down', detail };
}

function silence(name: string): string {
  return `The ${name} did not answer for ${ANSWER_MS / 1000} s.`;
}

function rootCheck({ available, problem }: RootState): Check {
  return available ? UP : down(problem ?? 'It is not available.');
}

/** True for a method behind which there is another service. */
function isAsked({ available }: MethodState): boolean {
  return available !== null;
}

function methodCheck({ available, problem }: MethodState): Check {
  return available ? UP : down(problem ?? 'It is not available.');
}

function warningOf({ name, status, detail }: NamedCheck): string[] {
  return status === 'up' ? [] : [`${name} does not work just now: ${detail}`];
}

/** A queue may work, and yet not as it should: above all when nobody takes anything out of it. */
function queueWarnings({ up, workers, problem }: QueueHealth): string[] {
  if (!up) return [];
  if (problem !== null) return [problem];
  return workers === 0 ? ['No worker is running: what is to be staged waits until one is started.'] : [];
}

function warningsOf({ storages, secondsAgo }: RootsSeen): string[] {
  const warnings = storages.flatMap(({ storage, pair }) =>
    pair && !pair.hardLink ? [`No hard links can be made from the storage "${storage}": it is ${pair.note}.`] : [],
  );
  if (secondsAgo !== null && secondsAgo > OLD_SECONDS) {
    warnings.push(`The storages were last seen ${secondsAgo} s ago: all workers are busy, or one of them hangs.`);
  }
  return warnings;
}
