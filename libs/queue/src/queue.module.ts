import { type DynamicModule, Global, type InjectionToken, Module } from '@nestjs/common';
import { REDIS_LINK, type RedisLink } from '@app/cluster';
import { AppLogger } from '@app/logging';
import { type JobQueue } from './contract/job-queue';
import { LocalQueue } from './local/local-queue';
import { JOB_QUEUE } from './queue.tokens';
import { SharedQueue } from './shared/shared-queue';
import { type SharedQueueOptions } from './shared/shared-queue.options';

/** How the queue behaves; `concurrency` is of this process. */
export interface QueueOptions extends SharedQueueOptions {
  /** Whether this process performs jobs although others do as well. Without others it does in any case. */
  performs: boolean;
}

/** How the options are had. */
export interface QueueModuleOptions<Args extends unknown[]> {
  inject: InjectionToken[];
  useFactory: (...args: Args) => QueueOptions;
}

/** The queue of the application: over Redis where there is one. Whoever works with it stops it. */
@Global()
@Module({})
export class QueueModule {
  static forRootAsync<Args extends unknown[]>({ inject, useFactory }: QueueModuleOptions<Args>): DynamicModule {
    const queue = {
      provide: JOB_QUEUE,
      inject: [REDIS_LINK, AppLogger, ...inject],
      useFactory: (link: RedisLink | null, logger: AppLogger, ...args: Args): JobQueue => {
        const { performs, ...options } = useFactory(...args);
        if (link === null) return new LocalQueue(options);
        return new SharedQueue(link, performs ? options : { ...options, concurrency: 0 }, logger);
      },
    };
    return { module: QueueModule, providers: [queue], exports: [JOB_QUEUE] };
  }
}
