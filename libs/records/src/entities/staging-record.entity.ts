import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { type AttemptEntry } from './attempt-entry';
import { AMOUNT, FLAG, JSON_TEXT, LONG_TEXT, MOMENT, orNull, text } from './columns';

/** `queued` and `running` can still change; the others are ends. */
export type OperationStatus = 'queued' | 'running' | 'success' | 'failure' | 'cancelled';

/** What an operation that has not ended can be. */
export const UNFINISHED = ['queued', 'running'] as const satisfies OperationStatus[];

/**
 * What became of one request to stage one source. A new one is complete as it is but for its id, method, user, paths
 * and times. Each index ends in the id, so that any filter is a walk from the newest record on.
 */
@Entity('staging_record')
@Index('staging_record_status', ['status', 'id'])
@Index('staging_record_method', ['method', 'id'])
@Index('staging_record_username', ['username', 'id'])
@Index('staging_record_requested', ['requestedBy', 'id'])
@Index('staging_record_batch', ['batchId', 'id'])
@Index('staging_record_batch_status', ['batchId', 'status', 'id'])
export class StagingRecord {
  /** UUIDv7 in lower case: its order is that of creation. */
  @PrimaryColumn({ ...text(36), primaryKeyConstraintName: 'staging_record_pk' })
  id!: string;

  /** The method's name; for a method that is not known, what was asked for. */
  @Column(text(64))
  method!: string;

  @Column(text(64))
  username!: string;

  /** Who asked, where sign-in tells. */
  @Column(orNull(text(255)))
  requestedBy: string | null = null;

  @Column(orNull(text(64)))
  storage: string | null = null;

  /** As the caller wrote it. */
  @Column(LONG_TEXT)
  localPathOnStorage!: string;

  @Column(orNull(LONG_TEXT))
  relativePath: string | null = null;

  /** How the paths are written: percent-encoded when they are not UTF-8. */
  @Column(orNull(text(16)))
  nameEncoding: 'percent' | null = null;

  /** The result as the user sees it. */
  @Column(orNull(LONG_TEXT))
  stagedPath: string | null = null;

  @Column(orNull(text(16)))
  kind: 'file' | 'directory' | null = null;

  @Column(text(16))
  status!: OperationStatus;

  @Column(orNull(text(16)))
  outcome: 'staged' | 'already_present' | null = null;

  @Column(orNull(text(64)))
  errorCode: string | null = null;

  /** The sentence that the caller was told. */
  @Column(orNull(LONG_TEXT))
  errorReason: string | null = null;

  @Column(orNull(FLAG))
  retryable: boolean | null = null;

  @Column(orNull(LONG_TEXT))
  warning: string | null = null;

  /** Files and kept links, not directories. */
  @Column(orNull(AMOUNT))
  filesTotal: number | null = null;

  @Column(orNull(AMOUNT))
  filesDone: number | null = null;

  @Column(orNull(AMOUNT))
  bytesTotal: number | null = null;

  @Column(orNull(AMOUNT))
  bytesDone: number | null = null;

  @Column(orNull(text(16)))
  checksumAlgorithm: string | null = null;

  /** Hexadecimal. */
  @Column(orNull(text(128)))
  checksumValue: string | null = null;

  @Column(orNull(text(16)))
  link: 'hard' | 'symbolic' | 'clone' | null = null;

  /** Whether what was there already equals its source; null when that is not known. */
  @Column(orNull(FLAG))
  matchesSource: boolean | null = null;

  /** From 1; each retry is one more. */
  @Column({ type: 'int' })
  attempts: number = 1;

  @Column(orNull(text(200)))
  label: string | null = null;

  @Column(orNull(text(36)))
  batchId: string | null = null;

  /** The named Jupyter server. */
  @Column(orNull(text(255)))
  server: string | null = null;

  /** Always the millisecond of the id. */
  @Column(MOMENT)
  createdAt!: Date;

  @Column(orNull(MOMENT))
  startedAt: Date | null = null;

  @Column(orNull(MOMENT))
  finishedAt: Date | null = null;

  @Column(orNull(MOMENT))
  releasedAt: Date | null = null;

  @Column(orNull(MOMENT))
  expiresAt: Date | null = null;

  /** The process that runs it, as `ProcessIdentity.name` tells. */
  @Column(orNull(text(255)))
  owner: string | null = null;

  /** When its process last said that it works on it; by the clock of the database server where there is one. */
  @Column(orNull(MOMENT))
  heartbeatAt: Date | null = null;
  /** What the caller wants where the destination is there already. */
  @Column(orNull(text(16)))
  ifExists: 'skip' | 'fail' | null = null;

  /** What the caller expects of a file. */
  @Column(orNull(text(16)))
  expectedAlgorithm: string | null = null;

  /** Hexadecimal. */
  @Column(orNull(text(128)))
  expectedChecksum: string | null = null;

  /** True for what depends on nobody's connection: it may be tried again, and go on in another process. */
  @Column(orNull(FLAG))
  background: boolean | null = null;

  /** While queued: the next attempt is not to begin earlier. */
  @Column(orNull(MOMENT))
  notBefore: Date | null = null;

  /** The attempts before the present one, oldest first. */
  @Column(orNull(JSON_TEXT))
  history: AttemptEntry[] | null = null;

  /** True while a caller waits for the end of what other processes may do as well: then no failure is tried again by itself. */
  @Column(orNull(FLAG))
  awaited: boolean | null = null;

  /** Somebody wants the running operation to end: whoever runs it, or takes it over, is to see to that. */
  @Column(orNull(MOMENT))
  cancelRequestedAt: Date | null = null;

  /**
   * The attempt that began the private directory in use; null: the first. Another attempt goes on there only where the one
   * before is known to have ended; else it begins a directory of its own.
   */
  @Column(orNull({ type: 'int' }))
  groundAttempt: number | null = null;

  /** Of the request (W3C Trace Context), to be passed on by whoever does it. */
  @Column(orNull(text(64)))
  traceParent: string | null = null;
}
