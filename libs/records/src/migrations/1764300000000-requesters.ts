import { type MigrationInterface, type QueryRunner, TableIndex } from 'typeorm';

const RECORD = 'staging_record';
const REQUESTED = 'staging_record_requested';

/** Services list what they asked for themselves: an index for that. Looks whether it is there, as the one before does. */
export class Requesters1764300000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const table = await queryRunner.getTable(RECORD);
    if (table!.indices.some((index) => index.name === REQUESTED)) return;
    await queryRunner.createIndex(RECORD, new TableIndex({ name: REQUESTED, columnNames: ['requested_by', 'id'] }));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropIndex(RECORD, REQUESTED);
  }
}
