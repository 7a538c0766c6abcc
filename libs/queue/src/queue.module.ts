import { type DynamicModule, Global, type InjectionToken, Module } from '@nestjs/common';
import { LocalQueue, type LocalQueueOptions } from './local/local-queue';
import { JOB_QUEUE } from './queue.tokens';

/** How the options are had. */
export interface QueueModuleOptions<Args extends unknown[]> {
  inject: InjectionToken[];
  useFactory: (...args: Args) => LocalQueueOptions;
}

/** The queue of the application. Whoever works with it stops it. */
@Global()
@Module({})
export class QueueModule {
  static forRootAsync<Args extends unknown[]>({ inject, useFactory }: QueueModuleOptions<Args>): DynamicModule {
    const queue = { provide: JOB_QUEUE, inject, useFactory: (...args: Args) => new LocalQueue(useFactory(...args)) };
    return { module: QueueModule, providers: [queue], exports: [JOB_QUEUE] };
  }
}
