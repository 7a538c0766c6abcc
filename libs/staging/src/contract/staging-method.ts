import {
  type Checksum,
  type DestinationPath,
  type FileIdentity,
  type ManifestRow,
  type OpenFile,
  type OpenTree,
  type Placement,
  type PlaceHooks,
  type PlannedPlacement,
  type PlaceRequest,
  type RawName,
  type Release,
  type ReleaseRequest,
} from '@app/files';

/** One source to be brought to one destination by one method. Checked for form, not for where its paths lead. */
export interface StagingOperation {
  /** UUIDv7; names the record, the log lines and the private directory. */
  id: string;
  username: string;
  source: {
    path: RawName;
    /** Name of the storage that relative paths begin in; undefined: the first. */
    storage: string | undefined;
    /** The path as the caller wrote it, for messages. */
    asSent: string;
  };
  /** Null for methods whose `capabilities.destination` is `none`. */
  destination: DestinationPath | null;
  /** What the caller expects of a file; to be compared before anything is visible. */
  expected: Checksum | null;
  ifExists: 'skip' | 'fail';
  /** The named server of the user that the caller means, for methods that know servers; null: the usual one. */
  server: string | null;
}

/** A source that is handed to the caller as it is read. Its opener closes it. */
export interface Delivery {
  operationId: string;
  source: OpenFile | OpenTree;
  /** Of a file, where it is known. */
  checksum: Checksum | null;
  /** Its abortion ends the delivery, with the signal's reason. */
  signal: AbortSignal;
}

/**
 * Hands a delivery to whoever waits for it and resolves with the number of bytes of content that were taken. Rejects
 * with {@link OperationCancelled} when the receiver goes away, and with what the source throws.
 */
export type Deliver = (delivery: Delivery) => Promise<number>;

/** What comes with one request beside its operation: of this process and this moment, never recorded, queued or logged. */
export interface CallerHooks {
  /** Takes a result that no path would name. Null: nobody waits for it now, a link will be asked for later. */
  deliver: Deliver | null;
  /** Fires when the receiver has gone, and ends the operation for the signal's reason. Null: it goes on all the same. */
  gone: AbortSignal | null;
  /** The caller's own token for the service that a method talks to; for that service and nobody else. */
  callerToken: string | null;
}

/**
 * What a method may use while it works. `signal` ends the operation (the service stops, or it is cancelled): the work
 * must end soon, leave nothing behind and reject with the signal's reason.
 */
export interface StagingContext extends PlaceHooks, CallerHooks {
  /** The checksum that an earlier operation recorded for a file that has not changed since; null when there is none. */
  knownChecksum: (file: FileIdentity) => Promise<Checksum | null>;
  /** Of the request (W3C Trace Context): sent along to the service that a method talks to; null: there is none. */
  traceParent: string | null;
  /** Says what the operation waits for, in a sentence for its user; null: it goes on. */
  waitsFor: (reason: string | null) => void;
}

/** How an operation ended well. */
export interface StagingOutcome extends Omit<Placement, 'stagedPath'> {
  /** Below the user area, or as the other service calls it; null where no path names the result. */
  stagedPath: RawName | null;
  /** What the user should know although all went well. */
  warning?: string;
  /** What was really brought, where that is not all of it: a result that still waits to be fetched has brought nothing. */
  done?: { files: number; bytes: number };
  /** Until when the result can be had, where that ends by itself. */
  expiresAt?: Date;
}

/** What an operation would do. Nothing was made, changed, started or reserved to find that out. */
export interface StagingPlan extends Omit<PlannedPlacement, 'action' | 'stagedPath' | 'spaceNeeded' | 'spaceFree'> {
  /** As {@link StagingOutcome} has it. */
  stagedPath: RawName | null;
  /** `none`: it is there already. */
  action: PlannedPlacement['action'] | 'download' | 'upload';
  /** Bytes that it would take of the destination's free space; null where nothing is written, or not on this host. */
  spaceNeeded: number | null;
  /** Bytes that are free there now; null when that is not known. */
  spaceFree: number | null;
  /** What the user should know beforehand: what could not be looked at without touching something. */
  remark?: string;
}

/** What a method may use while it removes what it staged. */
export interface ReleaseContext {
  /** The service stops: end soon. */
  signal: AbortSignal;
  /** Receives a sentence for the log at each step. */
  note: (message: string, fields?: Record<string, unknown>) => void;
  /** The manifest of the operation, in parts; may be called more than once. */
  rows: () => AsyncIterable<ManifestRow[]>;
  /** As {@link StagingContext} has it: of the operation that is undone. */
  traceParent: string | null;
}

/** A success that is to be undone. */
export interface StagedOperation {
  operation: StagingOperation;
  kind: 'file' | 'directory';
  link: StagingOutcome['link'];
  /** The last segment of where it was staged: its own name, where the destination is a directory to put it into. */
  name: RawName;
}

/** What a method is like, for the service and for those who choose one. */
export interface MethodCapabilities {
  /** Where results go: a path in the user's area, a path at another service, or nowhere that a path would name. */
  destination: 'user_area' | 'remote' | 'none';
}

/**
 * A way to bring data to its user. The service calls `stage` once the operation has a record, and settles the record by
 * what comes back.
 *
 * An implementation promises:
 * - nothing is visible at the destination before all of it is there and verified, and nothing is left when it fails;
 * - `stage` may run again for the same destination: what is there already is `already_present`, never overwritten;
 * - failures that a caller can do something about are an `AppError` with its code; anything else is a defect;
 * - the abort signal reaches the last call, and no method waits without it.
 */
export interface StagingMethod {
  /** Name in requests, records and metrics. */
  readonly name: string;
  /** Older spellings of the name. */
  readonly aliases: readonly string[];
  /** One sentence for those who choose. */
  readonly description: string;
  readonly capabilities: MethodCapabilities;
  /** The setting that the site lacks to offer the method; undefined where nothing is missing. */
  readonly requires?: string;
  /**
   * Throws `validation_failed` for an operation that the method can never do, by its form alone: then nothing of it is
   * recorded. Missing: it can do whatever is well formed.
   */
  refuse?(operation: StagingOperation): void;
  stage(operation: StagingOperation, context: StagingContext): Promise<StagingOutcome>;
  /**
   * Tells what `stage` would do now, without any effect. Rejects with the error with which it would refuse. Missing:
   * nothing can be told beforehand.
   */
  plan?(operation: StagingOperation, signal: AbortSignal): Promise<StagingPlan>;
  /**
   * Removes what a success staged, if it still equals its manifest and nothing was added; else leaves all of it in its
   * place and says why. Idempotent, also after a kill at any moment: what is there no more is released. Missing: there
   * is nothing to remove.
   */
  release?(staged: StagedOperation, context: ReleaseContext): Promise<Release>;
  /**
   * For a method that needs another service: looks whether that answers. Called from time to time; rejects with an
   * AppError whose sentence tells operators what is wrong.
   */
  check?(signal: AbortSignal): Promise<void>;
}

/** What `FileStager` is asked for by a method that puts data into the user's area. */
export function placeRequestOf(operation: StagingOperation): PlaceRequest {
  const { id: operationId, username, source, destination, expected, ifExists } = operation;
  if (!destination) throw new Error('The operation has no destination although its method needs one');
  return { operationId, username, source, destination, expected, ifExists };
}

/** What `FileReleaser` is asked for by a method that put data into the user's area. */
export function releaseRequestOf(
  { operation, kind, link, name }: StagedOperation,
  { rows }: ReleaseContext,
): ReleaseRequest {
  const { id: operationId, username, destination } = operation;
  if (!destination) throw new Error('The operation has no destination although its method needs one');
  const path = destination.intoDirectory ? [...destination.segments, name] : destination.segments;
  return { operationId, username, path, kind, link, rows };
}
