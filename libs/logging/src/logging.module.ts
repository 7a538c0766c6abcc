import { type DynamicModule, type FactoryProvider, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { AppLogger } from './app-logger';
import { createLogging, type Logging } from './create-logging';
import { ForeignLines } from './foreign-lines';
import { LogFeed } from './log-feed';
import { type LoggingOptions } from './logging-options';
import { NestLogger } from './nest-logger';
import { LogReader } from './reading/log-reader';

/** How {@link LoggingModule.forRootAsync} gets its options. */
export type LoggingModuleOptions = Pick<FactoryProvider<LoggingOptions>, 'inject' | 'useFactory'>;

const LOGGING = Symbol('LOGGING');

/** The log of the process, for every module. Flushed and closed when the application ends. */
@Global()
@Module({})
export class LoggingModule implements OnApplicationShutdown {
  constructor(private readonly logger: AppLogger) {}

  /** Provides {@link AppLogger}, {@link NestLogger}, {@link LogFeed}, {@link LogReader} and {@link ForeignLines}. */
  static forRootAsync({ inject, useFactory }: LoggingModuleOptions): DynamicModule {
    const part = <T>(provide: FactoryProvider['provide'], pick: (logging: Logging) => T): FactoryProvider<T> => ({
      provide,
      inject: [LOGGING],
      useFactory: pick,
    });
    return {
      module: LoggingModule,
      providers: [
        {
          provide: LOGGING,
          inject,
          useFactory: async (...given: unknown[]) => createLogging(await useFactory(...given)),
        },
        part(AppLogger, (logging) => logging.logger),
        part(NestLogger, (logging) => logging.nestLogger),
        part(LogFeed, (logging) => logging.feed),
        part(LogReader, (logging) => logging.reader),
        part(ForeignLines, (logging) => logging.foreignLines),
      ],
      exports: [AppLogger, NestLogger, LogFeed, LogReader, ForeignLines],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.logger.close();
  }
}
