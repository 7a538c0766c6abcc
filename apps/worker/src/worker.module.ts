import { type DynamicModule, Module } from '@nestjs/common';
import { engineModules } from '@app/composition';
import { type Settings } from '@app/core';
import { Intake } from './intake';
import { WatchPages } from './watch/watch-pages';
import { WatchServer } from './watch/watch-server';

/** A process that does what others have put into the queue. */
@Module({ providers: [Intake, WatchPages, WatchServer] })
export class WorkerModule {
  /** The worker with its settings. */
  static of(settings: Settings): DynamicModule {
    return { module: WorkerModule, imports: engineModules(settings, 'worker') };
  }
}
