import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { MOMENT, text } from './columns';

/** An operation whose result is to be removed: a line of a list that is worked off. */
@Entity('staging_release')
@Index('staging_release_owner', ['owner', 'operationId'])
export class StagingRelease {
  @PrimaryColumn({ ...text(36), primaryKeyConstraintName: 'staging_release_pk' })
  operationId!: string;

  /** The process that works on it. */
  @Column(text(255))
  owner!: string;

  @Column(MOMENT)
  requestedAt!: Date;
}
