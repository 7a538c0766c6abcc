/** What processes of one site tell one another as it happens. */
export interface Messages {
  /** An operation began, waits again, or was released: its record says more. */
  'operation-changed': { id: string };
  /** An operation ended: its record says how. */
  'operation-ended': { id: string };
  /** How far an operation is that runs in the sender. */
  'operation-progress': { id: string; attempt: number; facts: Record<string, unknown> };
  /** Whoever runs the operation is to end it. */
  'operation-cancel': { id: string; reason: string };
}

export type Topic = keyof Messages;

/**
 * Messages between the processes of a site. They arrive in milliseconds, or not at all (Redis was away, the receiver too):
 * nobody may rely on one, all of it can be read from the records. The sender does not get its own.
 */
export interface Bus {
  /** False where there are no other processes. */
  readonly hasOthers: boolean;
  /** Never throws, never waits. */
  publish<T extends Topic>(topic: T, message: Messages[T]): void;
  /** Returns what ends the subscription. A listener must not throw. */
  subscribe<T extends Topic>(topic: T, listener: (message: Messages[T]) => void): () => void;
}

/** The bus of a process that is alone. */
export class SilentBus implements Bus {
  readonly hasOthers = false;

  publish(): void {
    // There is nobody to tell.
  }

  subscribe(): () => void {
    return () => undefined;
  }
}
