import { type IncomingMessage } from 'node:http';

/** The part of an engine.io connection that tells how much waits for its client. A socket is one use of it. */
export interface Connection {
  /** The request that it began with. */
  readonly request: IncomingMessage;
  readyState: string;
  /** What was sent while the client still had to take something earlier. */
  writeBuffer: unknown[];
  on(event: 'drain' | 'packetCreate', listener: () => void): void;
  once(event: 'close', listener: () => void): void;
  off(event: 'drain' | 'close', listener: () => void): void;
  /** Nothing more is taken or sent; it ends when the client has what waits, or at once where that is discarded. */
  close(discard?: boolean): void;
}
