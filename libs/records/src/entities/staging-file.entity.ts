import { Column, Entity, Generated, Index, PrimaryColumn } from 'typeorm';
import { AMOUNT, DIGITS, LONG_TEXT, orNull, text } from './columns';

/**
 * One staged file or kept link: a line of an operation's manifest. There is no foreign key, since the record of an
 * operation may reach a database that was away later than its files do.
 */
@Entity('staging_file')
@Index('staging_file_operation', ['operationId', 'id'])
@Index('staging_file_identity', ['inode', 'device', 'size', 'mtimeNs'])
export class StagingFile {
  /** In the order of staging, within one operation. */
  @PrimaryColumn({ ...AMOUNT, primaryKeyConstraintName: 'staging_file_pk' })
  @Generated('increment')
  id!: number;

  @Column(text(36))
  operationId!: string;

  /** Relative to what was staged, or the name of a single file. */
  @Column(LONG_TEXT)
  path!: string;

  /** `percent` when the path is not UTF-8 and so percent-encoded. */
  @Column(orNull(text(16)))
  nameEncoding: 'percent' | null = null;

  @Column(text(16))
  kind!: 'file' | 'link';

  /** Bytes. */
  @Column(AMOUNT)
  size!: number;

  /** Nanoseconds since 1970, as digits: they do not fit 2^53. */
  @Column(DIGITS)
  mtimeNs!: string;

  @Column(DIGITS)
  device!: string;

  @Column(DIGITS)
  inode!: string;

  @Column(orNull(text(16)))
  algorithm: string | null = null;

  /** Hexadecimal. */
  @Column(orNull(text(128)))
  checksum: string | null = null;

  @Column(text(16))
  status!: 'staged' | 'failed';

  @Column(orNull(text(64)))
  errorCode: string | null = null;
}

/** A line that the database gives its number yet. */
export type NewStagingFile = Omit<StagingFile, 'id'>;
