import { Column, Entity, PrimaryColumn } from 'typeorm';
import { AMOUNT, MOMENT, orNull, text } from './columns';

/** Many operations that were asked for at once. What became of them is in their records. */
@Entity('staging_batch')
export class StagingBatch {
  /** UUIDv7 in lower case. */
  @PrimaryColumn({ ...text(36), primaryKeyConstraintName: 'staging_batch_pk' })
  id!: string;

  @Column(text(64))
  method!: string;

  @Column(text(64))
  username!: string;

  /** Who asked, where sign-in tells. */
  @Column(orNull(text(255)))
  requestedBy: string | null = null;

  /** How many operations it has. */
  @Column(AMOUNT)
  items!: number;

  @Column(MOMENT)
  createdAt!: Date;

  /** Null until all of its records are written: as long as nothing of it may be done, and nobody was told of it. */
  @Column(orNull(MOMENT))
  acceptedAt: Date | null = null;

  /** The process that accepts it. */
  @Column(orNull(text(255)))
  owner: string | null = null;
}
