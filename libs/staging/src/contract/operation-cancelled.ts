/** Ends an operation as `cancelled` rather than as a failure: by whom, and how far it came. */
export class OperationCancelled extends Error {
  /** `message` is the sentence that the record keeps; `bytes` of content had been delivered until then, where that counts. */
  constructor(
    message: string,
    readonly bytes?: number,
  ) {
    super(message);
    this.name = 'OperationCancelled';
  }
}

/** Somebody asked for the end of this one operation. */
export function cancelledOnRequest(): OperationCancelled {
  return new OperationCancelled('It was cancelled on request.');
}
