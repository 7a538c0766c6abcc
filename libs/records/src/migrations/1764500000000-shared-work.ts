import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm';
import { columnTypes } from './column-types';

const RECORD = 'staging_record';

/**
 * What several processes need to know of an operation. All may be empty: processes of the version before go on with the
 * same table meanwhile. Looks what is there, since MySQL keeps what a migration did that was broken off.
 */
export class SharedWork1764500000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const table = await queryRunner.getTable(RECORD);
    const missing = columns(queryRunner).filter(({ name }) => !table!.findColumnByName(name));
    await queryRunner.addColumns(RECORD, missing);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropColumns(RECORD, columns(queryRunner));
  }
}

function columns(queryRunner: QueryRunner): TableColumn[] {
  const { flag, int, moment, text } = columnTypes(queryRunner);
  const all = [flag('awaited'), moment('cancel_requested_at'), int('ground_attempt'), text('trace_parent', 64)];
  return all.map((column) => new TableColumn({ ...column, isNullable: true }));
}
