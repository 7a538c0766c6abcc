import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import { type DataSource } from 'typeorm';
import {
  BatchRepository,
  DatabaseHealth,
  DeferredSettlements,
  IdempotencyRepository,
  ManifestRepository,
  OperationRepository,
  PendingReleases,
  Processes,
  ProcessIdentity,
  RecordsModule,
  StagingRecord,
} from './index';
import { SqliteSite, success, testRecord } from './testing/test-records';

@Injectable()
class Consumer {
  constructor(
    readonly operations: OperationRepository,
    readonly manifest: ManifestRepository,
    readonly deferred: DeferredSettlements,
    readonly health: DatabaseHealth,
    readonly identity: ProcessIdentity,
    readonly processes: Processes,
    readonly batches: BatchRepository,
    readonly idempotency: IdempotencyRepository,
    readonly releases: PendingReleases,
  ) {}
}

@Module({ providers: [Consumer] })
class ConsumerModule {}

describe('the module of the records', () => {
  const site = new SqliteSite();
  afterAll(() => site.close());

  const start = async (databaseUrl: string) => {
    const records = RecordsModule.forRootAsync({
      inject: ['URL'],
      useFactory: (url: string) => ({ databaseUrl: url, timeoutMs: 1000 }),
    });
    const settings = {
      module: class SettingsModule {},
      global: true,
      providers: [{ provide: 'URL', useValue: databaseUrl }],
      exports: ['URL'],
    };
    const app = await Test.createTestingModule({ imports: [settings, records, ConsumerModule] }).compile();
    return { app, consumer: app.get(Consumer, { strict: false }) };
  };

  it('offers its parts everywhere', async () => {
    const { app, consumer } = await start(site.newUrl());
    const record = testRecord({ owner: consumer.identity.name });
    await consumer.operations.insert(record);

    await consumer.health.check();
    expect((await consumer.operations.page({}, 5)).items).toHaveLength(1);
    expect((await consumer.manifest.page(record.id, { limit: 5 })).items).toEqual([]);
    expect(await consumer.processes.dead()).toEqual([]);
    expect(await consumer.batches.find(record.id)).toBeNull();
    expect(await consumer.releases.of('nobody')).toEqual([]);
    expect(consumer.idempotency).toBeInstanceOf(IdempotencyRepository);
    expect(await app.get<DataSource>(getDataSourceToken()).getRepository(StagingRecord).count()).toBe(1);
    await app.close();
  });

  it('brings settlements that wait to the database before it closes it', async () => {
    const databaseUrl = site.newUrl();
    const { app, consumer } = await start(databaseUrl);
    const record = Object.assign(new StagingRecord(), testRecord(), success());
    consumer.deferred.settleLater(record);
    await app.close();

    await expect(consumer.health.check()).rejects.toMatchObject({ code: 'shutting_down' });
    const records = await site.open({ databaseUrl });
    expect(await records.operations.find(record.id)).toMatchObject({ status: 'success' });
  });
});
