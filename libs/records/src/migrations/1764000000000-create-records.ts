import { type MigrationInterface, type QueryRunner, Table, type TableColumnOptions } from 'typeorm';
import { columnTypes } from './column-types';

/** Tables `staging_record` and `staging_file`. */
export class CreateRecords1764000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // A server that went down between the two tables has the first one already: MySQL cannot undo it.
    await queryRunner.createTable(recordTable(queryRunner), true);
    await queryRunner.createTable(fileTable(queryRunner), true);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable('staging_file');
    await queryRunner.dropTable('staging_record');
  }
}

function recordTable(queryRunner: QueryRunner): Table {
  const { text, longText, moment, amount, flag, int } = columnTypes(queryRunner);
  const orNull = (...columns: TableColumnOptions[]) => columns.map((column) => ({ ...column, isNullable: true }));
  return new Table({
    name: 'staging_record',
    columns: [
      { ...text('id', 36), isPrimary: true, primaryKeyConstraintName: 'staging_record_pk' },
      text('method', 64),
      text('username', 64),
      ...orNull(text('requested_by', 255), text('storage', 64)),
      longText('local_path_on_storage'),
      ...orNull(longText('relative_path'), text('name_encoding', 16), longText('staged_path'), text('kind', 16)),
      text('status', 16),
      ...orNull(text('outcome', 16), text('error_code', 64), longText('error_reason'), flag('retryable')),
      ...orNull(longText('warning'), amount('files_total'), amount('files_done')),
      ...orNull(amount('bytes_total'), amount('bytes_done')),
      ...orNull(text('checksum_algorithm', 16), text('checksum_value', 128)),
      ...orNull(text('link', 16), flag('matches_source')),
      int('attempts'),
      ...orNull(text('label', 200), text('batch_id', 36), text('server', 255)),
      moment('created_at'),
      ...orNull(moment('started_at'), moment('finished_at'), moment('released_at'), moment('expires_at')),
      ...orNull(text('owner', 255), moment('heartbeat_at')),
    ],
    indices: [
      { name: 'staging_record_status', columnNames: ['status', 'id'] },
      { name: 'staging_record_method', columnNames: ['method', 'id'] },
      { name: 'staging_record_username', columnNames: ['username', 'id'] },
      { name: 'staging_record_batch', columnNames: ['batch_id', 'id'] },
    ],
  });
}

function fileTable(queryRunner: QueryRunner): Table {
  const { text, longText, amount, rowNumber } = columnTypes(queryRunner);
  const orNull = (column: TableColumnOptions) => ({ ...column, isNullable: true });
  return new Table({
    name: 'staging_file',
    columns: [
      { ...rowNumber('id'), primaryKeyConstraintName: 'staging_file_pk' },
      text('operation_id', 36),
      longText('path'),
      orNull(text('name_encoding', 16)),
      text('kind', 16),
      amount('size'),
      text('mtime_ns', 24),
      text('device', 24),
      text('inode', 24),
      orNull(text('algorithm', 16)),
      orNull(text('checksum', 128)),
      text('status', 16),
      orNull(text('error_code', 64)),
    ],
    indices: [
      { name: 'staging_file_operation', columnNames: ['operation_id', 'id'] },
      { name: 'staging_file_identity', columnNames: ['inode', 'device', 'size', 'mtime_ns'] },
    ],
  });
}
