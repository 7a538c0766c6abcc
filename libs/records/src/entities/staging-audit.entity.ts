import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { JSON_TEXT, MOMENT, orNull, text } from './columns';

/** How a request was decided: done, not permitted, or not possible. */
export type AuditDecision = 'allowed' | 'denied' | 'failed';

/** Who asked what for whom, from where, and how that was decided. Written once, and never changed. */
@Entity('staging_audit')
@Index('staging_audit_caller', ['caller', 'id'])
@Index('staging_audit_username', ['username', 'id'])
@Index('staging_audit_decision', ['decision', 'id'])
@Index('staging_audit_operation', ['operationId', 'id'])
export class StagingAudit {
  /** UUIDv7 in lower case. */
  @PrimaryColumn({ ...text(36), primaryKeyConstraintName: 'staging_audit_pk' })
  id!: string;

  @Column(MOMENT)
  at!: Date;

  /** Issuer and subject of who asked; null for who is not known, and without sign-in. */
  @Column(orNull(text(255)))
  caller: string | null = null;

  /** The same by their name at this site. */
  @Column(orNull(text(64)))
  callerName: string | null = null;

  @Column(orNull(text(16)))
  role: string | null = null;

  /** Where it came from; null for many. */
  @Column(orNull(text(64)))
  address: string | null = null;

  /** Method and route, such as `POST /operations/:id/cancel`. */
  @Column(text(255))
  request!: string;

  /** What the request named, as far as it was read. */
  @Column(orNull(JSON_TEXT))
  asked: Record<string, string | number> | null = null;

  /** For whom. */
  @Column(orNull(text(64)))
  username: string | null = null;

  @Column(orNull(text(36)))
  operationId: string | null = null;

  @Column(orNull(text(36)))
  batchId: string | null = null;

  @Column(text(16))
  decision!: AuditDecision;

  /** Status of the answer (HTTP). */
  @Column({ type: 'int' })
  status!: number;

  @Column(orNull(text(40)))
  code: string | null = null;

  @Column(orNull(text(64)))
  requestId: string | null = null;

  /** How many requests alike it stands for. */
  @Column({ type: 'int' })
  times = 1;
}

/** An entry that is to be written. */
export type NewAuditEntry = Omit<StagingAudit, 'id' | 'at' | 'times'>;
