import { type QueryRunner, type TableColumnOptions } from 'typeorm';

/** The columns that migrations build tables of: one meaning each, spelled as the database at hand spells it. */
export interface ColumnTypes {
  /** At most `length` characters, compared byte by byte. */
  text: (name: string, length: number) => TableColumnOptions;
  /** At most 64 KiB, compared byte by byte. */
  longText: (name: string) => TableColumnOptions;
  /** To the millisecond. */
  moment: (name: string) => TableColumnOptions;
  /** 64 bits. */
  amount: (name: string) => TableColumnOptions;
  flag: (name: string) => TableColumnOptions;
  int: (name: string) => TableColumnOptions;
  /** Primary key that counts up; no number is ever used again. */
  rowNumber: (name: string) => TableColumnOptions;
}

/** The columns for the database that a migration runs on. */
export function columnTypes(queryRunner: QueryRunner): ColumnTypes {
  const mysql = queryRunner.dataSource.options.type === 'mariadb';
  const bytewise = mysql ? { charset: 'utf8mb4', collation: 'utf8mb4_bin' } : {};
  return {
    text: (name, length) => ({ name, type: 'varchar', length: String(length), ...bytewise }),
    longText: (name) => ({ name, type: 'text', ...bytewise }),
    moment: (name) => ({ name, type: 'datetime', precision: 3 }),
    amount: (name) => ({ name, type: 'bigint' }),
    flag: (name) => ({ name, type: mysql ? 'tinyint' : 'boolean' }),
    int: (name) => ({ name, type: mysql ? 'int' : 'integer' }),
    rowNumber: (name) => ({
      name,
      type: mysql ? 'bigint' : 'integer',
      isPrimary: true,
      isGenerated: true,
      generationStrategy: 'increment',
    }),
  };
}
