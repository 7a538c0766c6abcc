import { type MigrationInterface, type QueryRunner, Table, TableColumn, TableIndex } from 'typeorm';
import { columnTypes } from './column-types';

const RECORD = 'staging_record';
const BATCH_STATUS = 'staging_record_batch_status';
const ADDED = ['if_exists', 'expected_algorithm', 'expected_checksum', 'background', 'not_before', 'history'];
const TABLES = ['staging_batch', 'staging_idempotency', 'staging_release', 'staging_process'];

/**
 * What operations in the background need: columns of `staging_record`, and tables of batches, idempotency keys, pending
 * releases and processes. MySQL cannot undo a half-done migration, so each step looks whether it was done already.
 */
export class BackgroundOperations1764200000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const column of recordColumns(queryRunner)) {
      if (!(await queryRunner.hasColumn(RECORD, column.name))) await queryRunner.addColumn(RECORD, column);
    }
    const table = await queryRunner.getTable(RECORD);
    if (!table!.indices.some((index) => index.name === BATCH_STATUS)) {
      await queryRunner.createIndex(
        RECORD,
        new TableIndex({ name: BATCH_STATUS, columnNames: ['batch_id', 'status', 'id'] }),
      );
    }
    for (const made of newTables(queryRunner)) await queryRunner.createTable(made, true);
    await enterOwners(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const name of TABLES) await queryRunner.dropTable(name, true);
    await queryRunner.dropIndex(RECORD, BATCH_STATUS);
    await queryRunner.dropColumns(RECORD, ADDED);
  }
}

function recordColumns(queryRunner: QueryRunner): TableColumn[] {
  const { text, longText, moment, flag } = columnTypes(queryRunner);
  const columns = [
    text('if_exists', 16),
    text('expected_algorithm', 16),
    text('expected_checksum', 128),
    flag('background'),
    moment('not_before'),
    longText('history'),
  ];
  return columns.map((column) => new TableColumn({ ...column, isNullable: true }));
}

function newTables(queryRunner: QueryRunner): Table[] {
  const { text, moment, amount, flag } = columnTypes(queryRunner);
  const key = (name: string, length: number, table: string) => ({
    ...text(name, length),
    isPrimary: true,
    primaryKeyConstraintName: `${table}_pk`,
  });
  return [
    new Table({
      name: 'staging_batch',
      columns: [
        key('id', 36, 'staging_batch'),
        text('method', 64),
        text('username', 64),
        { ...text('requested_by', 255), isNullable: true },
        amount('items'),
        moment('created_at'),
        { ...moment('accepted_at'), isNullable: true },
        { ...text('owner', 255), isNullable: true },
      ],
    }),
    new Table({
      name: 'staging_idempotency',
      columns: [
        key('id', 64, 'staging_idempotency'),
        text('payload', 64),
        text('subject', 36),
        flag('answered'),
        text('owner', 255),
        moment('created_at'),
      ],
      indices: [{ name: 'staging_idempotency_created', columnNames: ['created_at'] }],
    }),
    new Table({
      name: 'staging_release',
      columns: [key('operation_id', 36, 'staging_release'), text('owner', 255), moment('requested_at')],
      indices: [{ name: 'staging_release_owner', columnNames: ['owner', 'operation_id'] }],
    }),
    new Table({
      name: 'staging_process',
      columns: [
        key('name', 255, 'staging_process'),
        moment('heartbeat_at'),
        { ...text('heir', 255), isNullable: true },
      ],
    }),
  ];
}

/** Processes of before left records, but not their names where dead ones are looked for. */
async function enterOwners(queryRunner: QueryRunner): Promise<void> {
  const { manager } = queryRunner;
  const owners = await manager
    .createQueryBuilder()
    .select('DISTINCT record.owner', 'name')
    .from(RECORD, 'record')
    .where('record.status IN (:...unfinished) AND record.owner IS NOT NULL', { unfinished: ['queued', 'running'] })
    .getRawMany<{ name: string }>();
  for (const { name } of owners) {
    const known = await manager
      .createQueryBuilder()
      .select('process.name', 'name')
      .from('staging_process', 'process')
      .where('process.name = :name', { name })
      .getRawOne<{ name: string }>();
    if (known) continue;
    const row = { name, heartbeat_at: new Date() };
    await manager.createQueryBuilder().insert().into('staging_process', ['name', 'heartbeat_at']).values(row).execute();
  }
}
