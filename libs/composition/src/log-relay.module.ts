import { type DynamicModule, Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { LogRelay, type RedisLink, REDIS_LINK } from '@app/cluster';
import { Settings } from '@app/core';
import { AppLogger, ForeignLines, LogFeed } from '@app/logging';
import { logRelayOptions } from './lib-options';
import { type ProcessRole } from './process-role';

const RELAY = Symbol('RELAY');

/** Carries the lines of the log between the processes of a site; nothing where there is one alone. */
@Module({})
export class LogRelayModule implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(RELAY) private readonly relay: LogRelay | null) {}

  /** To be imported behind the modules of log and cluster: modules close in the opposite order, and it needs both. */
  static of(role: ProcessRole): DynamicModule {
    const relay = {
      provide: RELAY,
      inject: [REDIS_LINK, Settings, LogFeed, AppLogger, ForeignLines],
      useFactory: (
        link: RedisLink | null,
        settings: Settings,
        feed: LogFeed,
        logger: AppLogger,
        foreignLines: ForeignLines,
      ): LogRelay | null =>
        link && new LogRelay({ link, feed, logger, ...logRelayOptions(settings, role, foreignLines) }),
    };
    return { module: LogRelayModule, providers: [relay] };
  }

  onModuleInit(): void {
    this.relay?.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.relay?.close();
  }
}
