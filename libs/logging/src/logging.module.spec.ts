import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AppLogger, LogFeed, LoggingModule, type LoggingOptions, LogReader, NestLogger } from './index';
import { createTemporaryLog, entriesOf, openFilesBelow, type TemporaryLog } from './testing/temporary-log';

const OPTIONS = Symbol('OPTIONS');

describe('LoggingModule', () => {
  let place: TemporaryLog;

  beforeEach(() => {
    place = createTemporaryLog();
  });
  afterEach(() => place.remove());

  async function createApp() {
    @Injectable()
    class Worker {
      constructor(
        readonly logger: AppLogger,
        readonly feed: LogFeed,
        readonly reader: LogReader,
      ) {}

      onApplicationShutdown() {
        this.logger.info('the last word');
      }
    }
    @Module({ providers: [Worker] })
    class WorkModule {}
    const options: LoggingOptions = { level: 'INFO', file: place.file, maxBytes: 65_536, maxFiles: 2, console: false };
    @Module({ providers: [{ provide: OPTIONS, useValue: options }], exports: [OPTIONS] })
    class OptionsModule {}
    const logging = LoggingModule.forRootAsync({ inject: [OPTIONS], useFactory: (given: LoggingOptions) => given });
    const module = await Test.createTestingModule({
      imports: [{ ...logging, imports: [OptionsModule] }, WorkModule],
    }).compile();
    return { app: module.createNestApplication(), worker: module.get(Worker) };
  }

  it('gives one log to all modules, takes what Nest logs, and is flushed when the application ends', async () => {
    const { app, worker } = await createApp();
    app.useLogger(app.get(NestLogger));
    await app.init();
    const heard: string[] = [];
    worker.feed.subscribe((entry) => heard.push(entry.message));
    worker.logger.info('ready', { operation_id: 'op-1' });
    const page = await worker.reader.page({ limit: 1 });
    expect(page.items).toMatchObject([{ message: 'ready', operation_id: 'op-1' }]);
    await app.close();
    expect(heard).toEqual(['ready', 'the last word']);
    await worker.reader.tail(1);
    expect(openFilesBelow(place.folder)).toEqual([]);
    const entries = entriesOf(place.lines());
    expect(entries.map(({ message }) => message).slice(-2)).toEqual(['ready', 'the last word']);
    expect(entries.some(({ context }) => context === 'InstanceLoader' || context === 'NestApplication')).toBe(true);
  });
});
