import { type MigrationInterface, type QueryRunner, Table, type TableColumnOptions } from 'typeorm';
import { columnTypes } from './column-types';

const AUDIT = 'staging_audit';
const INDEXED = { caller: 'caller', username: 'username', decision: 'decision', operation: 'operation_id' };

/** The trail of who asked what for whom. */
export class Audit1764400000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const { text, longText, moment, int } = columnTypes(queryRunner);
    const orNull = (column: TableColumnOptions): TableColumnOptions => ({ ...column, isNullable: true });
    const table = new Table({
      name: AUDIT,
      columns: [
        { ...text('id', 36), isPrimary: true, primaryKeyConstraintName: `${AUDIT}_pk` },
        moment('at'),
        orNull(text('caller', 255)),
        orNull(text('caller_name', 64)),
        orNull(text('role', 16)),
        orNull(text('address', 64)),
        text('request', 255),
        orNull(longText('asked')),
        orNull(text('username', 64)),
        orNull(text('operation_id', 36)),
        orNull(text('batch_id', 36)),
        text('decision', 16),
        int('status'),
        orNull(text('code', 40)),
        orNull(text('request_id', 64)),
        int('times'),
      ],
      indices: Object.entries(INDEXED).map(([name, column]) => ({
        name: `${AUDIT}_${name}`,
        columnNames: [column, 'id'],
      })),
    });
    await queryRunner.createTable(table, true);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropTable(AUDIT, true);
  }
}
