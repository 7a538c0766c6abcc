import { type ColumnOptions, type ValueTransformer } from 'typeorm';

/** Text is compared byte by byte on both databases: `a` is not `A`, and no two paths are taken for one. */
const BYTEWISE = { charset: 'utf8mb4', collation: 'utf8mb4_bin' } as const;

/** MySQL gives whole numbers of 64 bits as text; those that we count stay below 2^53. */
const asNumber: ValueTransformer = {
  to: (value: unknown) => value,
  from: (value: string | number | null) => (value === null ? null : Number(value)),
};

const asJson: ValueTransformer = {
  to: (value: unknown) => (value === null || value === undefined ? null : JSON.stringify(value)),
  from: (value: string | null) => (value === null ? null : (JSON.parse(value) as unknown)),
};

/** Text of at most `length` characters. */
export function text(length: number) {
  return { type: 'varchar', length, ...BYTEWISE } as const;
}

/** Text of any length that we meet, up to 64 KiB. */
export const LONG_TEXT = { type: 'text', ...BYTEWISE } as const;

/** Digits of a number that may not fit 2^53: an inode, a device, a time in nanoseconds (which may be negative). */
export const DIGITS = text(24);

/** A point in time to the millisecond, in UTC whatever the zones of server and process are. */
export const MOMENT = { type: 'datetime', precision: 3 } as const;

/** A number of files or bytes. */
export const AMOUNT = { type: 'bigint', transformer: asNumber } as const;

/** Yes or no. */
export const FLAG = { type: 'boolean' } as const;

/** A value as JSON: read and written as a whole, never searched. */
export const JSON_TEXT = { ...LONG_TEXT, transformer: asJson } as const;

/** The same column, where it may be empty. */
export function orNull(column: ColumnOptions): ColumnOptions {
  return { ...column, nullable: true };
}
