import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { FLAG, MOMENT, text } from './columns';

/** A request that was sent with a key, so that a repeat of it does nothing. */
@Entity('staging_idempotency')
@Index('staging_idempotency_created', ['createdAt'])
export class StagingIdempotency {
  /** Hash of the key with its scope. */
  @PrimaryColumn({ ...text(64), primaryKeyConstraintName: 'staging_idempotency_pk' })
  id!: string;

  /** Hash of what was asked for. */
  @Column(text(64))
  payload!: string;

  /** Id of the operation or batch that the request made, or was going to. */
  @Column(text(36))
  subject!: string;

  /** Whether the first request has had its answer. */
  @Column(FLAG)
  answered!: boolean;

  /** The process that answers it. */
  @Column(text(255))
  owner!: string;

  @Column(MOMENT)
  createdAt!: Date;
}
