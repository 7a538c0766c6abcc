import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@app/core';
import { type RootState } from '@app/files';
import { JOB_QUEUE, type JobQueue } from '@app/queue';
import { DatabaseHealth } from '@app/records';
import { MethodMonitor, type MethodState } from './method-monitor';
import { type Check, type NamedCheck, type ReadinessReport } from './readiness-report';
import { RootMonitor, type RootsSeen } from './root-monitor';

/** How long a readiness check waits for the database, in milliseconds. */
const DATABASE_MS = 2000;
/** Age at which what was seen of the storages is told to be old: all workers are busy, or one of them hangs. */
const OLD_SECONDS = 20;

const UP: Check = { status: 'up', detail: null };

/** Whether the service can do its work just now. */
@Injectable()
export class Readiness {
  private asking: Promise<Check> | undefined;

  constructor(
    private readonly database: DatabaseHealth,
    private readonly roots: RootMonitor,
    @Inject(JOB_QUEUE) private readonly queue: Pick<JobQueue, 'accepting'>,
    private readonly methods: MethodMonitor,
  ) {}

  /** Answers within about two seconds, whatever does not answer itself. */
  async check(): Promise<ReadinessReport> {
    const seen = this.roots.seen;
    const checks = {
      service: this.queue.accepting ? UP : down('The service is stopping.'),
      database: await this.databaseInTime(),
      storages: seen.storages.map((state) => ({ name: state.storage ?? '', ...rootCheck(state) })),
      user_areas: rootCheck(seen.target),
      // One that is away is told, but keeps the others from nothing.
      methods: this.methods.seen.filter(isAsked).map((state) => ({ name: state.name, ...methodCheck(state) })),
    };
    const { service, database, storages, user_areas: areas } = checks;
    const isUp = [service, database, areas, ...storages].every(({ status }) => status === 'up');
    return {
      status: isUp ? 'up' : 'down',
      checks,
      warnings: [...warningsOf(seen), ...checks.methods.flatMap(warningOf)],
    };
  }

  private async databaseInTime(): Promise<Check> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Check>((resolve) => {
      timer = setTimeout(() => resolve(down(`The database did not answer for ${DATABASE_MS / 1000} s.`)), DATABASE_MS);
    });
    // Whoever asks meanwhile shares the question: a database that hangs is not asked ever more.
    this.asking ??= this.askDatabase().finally(() => (this.asking = undefined));
    return Promise.race([this.asking, late]).finally(() => clearTimeout(timer));
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

function warningsOf({ storages, secondsAgo }: RootsSeen): string[] {
  const warnings = storages.flatMap(({ storage, pair }) =>
    pair && !pair.hardLink ? [`No hard links can be made from the storage "${storage}": it is ${pair.note}.`] : [],
  );
  if (secondsAgo !== null && secondsAgo > OLD_SECONDS) {
    warnings.push(`The storages were last seen ${secondsAgo} s ago: all workers are busy, or one of them hangs.`);
  }
  return warnings;
}
