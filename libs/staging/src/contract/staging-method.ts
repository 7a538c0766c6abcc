import {
  type Checksum,
  type DestinationPath,
  type Placement,
  type PlaceHooks,
  type PlaceRequest,
  type RawName,
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
}

/**
 * What a method may use while it works. `signal` ends the operation (the service stops, later also a cancel): the work
 * must end soon, leave nothing behind and reject with the signal's reason.
 */
export type StagingContext = PlaceHooks;

/** How an operation ended well. */
export interface StagingOutcome extends Placement {
  /** What the user should know although all went well. */
  warning?: string;
}

/** What a method is like, for the service and for those who choose one. */
export interface MethodCapabilities {
  /** Where results go: a path in the user's area, or nowhere that a path would name. */
  destination: 'user_area' | 'none';
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
  stage(operation: StagingOperation, context: StagingContext): Promise<StagingOutcome>;
}

/** What `FileStager` is asked for by a method that puts data into the user's area. */
export function placeRequestOf({ id: operationId, destination, ...rest }: StagingOperation): PlaceRequest {
  if (!destination) throw new Error('The operation has no destination although its method needs one');
  return { operationId, destination, ...rest };
}
