import { Column, Entity, PrimaryColumn } from 'typeorm';
import { MOMENT, orNull, text } from './columns';

/** A process that works on operations, or has and left some. */
@Entity('staging_process')
export class StagingProcess {
  /** As `ProcessIdentity.name` tells. */
  @PrimaryColumn({ ...text(255), primaryKeyConstraintName: 'staging_process_pk' })
  name!: string;

  /** When it last said that it lives; by the clock of the database server where there is one. */
  @Column(MOMENT)
  heartbeatAt!: Date;

  /** The living process that goes on with what this one left. */
  @Column(orNull(text(255)))
  heir: string | null = null;
}
