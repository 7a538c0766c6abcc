import { type Response } from 'express';

/** Media type of a stream of events. */
export const EVENTS_TYPE = 'text/event-stream';

/** Time without an event after which a line is sent that means nothing, so that proxies do not cut, in milliseconds. */
const SILENCE_MS = 15_000;
/** A client that takes nothing for so long is cut, in milliseconds. */
const STALLED_MS = 60_000;
/** What a browser waits before it connects again, in milliseconds. */
const RETRY_MS = 2000;

/**
 * Writes server-sent events (HTML standard, 9.2) to one client. Behind a client that does not read, events are left out
 * instead of kept: the next one tells more.
 */
export class EventWriter {
  private readonly timer: NodeJS.Timeout;
  private isFull = false;
  private isEnding = false;
  private lastAt = performance.now();

  constructor(private readonly response: Response) {
    response.status(200);
    response.setHeader('Content-Type', EVENTS_TYPE);
    response.setHeader('X-Accel-Buffering', 'no');
    response.on('drain', () => {
      this.isFull = false;
      this.lastAt = performance.now();
    });
    this.write(`retry: ${RETRY_MS}\n\n`);
    this.timer = setInterval(() => this.keepAlive(), SILENCE_MS);
    response.once('close', () => clearInterval(this.timer));
  }

  /** False when it was left out, since the client has not read what came before. */
  send(event: string, id: string, data: string): boolean {
    if (this.isFull) return false;
    this.write(eventText(event, id, data));
    return true;
  }

  /** Sends the last event, whatever the client has read, and ends the answer. */
  end(event: string, id: string, data: string): void {
    this.finish(eventText(event, id, data));
  }

  /** Ends the answer without a last event. */
  close(): void {
    this.finish('');
  }

  /** The timer goes on until the client has taken all of it, or is cut. */
  private finish(text: string): void {
    this.isEnding = true;
    this.lastAt = performance.now();
    this.response.end(text);
  }

  private write(text: string): void {
    this.isFull = !this.response.write(text);
    if (!this.isFull) this.lastAt = performance.now();
  }

  private keepAlive(): void {
    if (!this.isFull && !this.isEnding) this.write(':\n\n');
    else if (performance.now() - this.lastAt > STALLED_MS) this.response.destroy();
  }
}

function eventText(event: string, id: string, data: string): string {
  return `event: ${event}\nid: ${id}\ndata: ${data}\n\n`;
}
