import { get, type IncomingMessage } from 'node:http';
import { type Answer } from './http-client';

/** One server-sent event. */
export interface StreamEvent {
  event: string;
  id: string;
  data: Answer['body'];
}

/** A stream of events as it comes in. */
export class EventStream {
  readonly events: StreamEvent[] = [];
  /** Everything, comments and all. */
  text = '';
  isOver = false;
  private rest = '';

  private constructor(readonly answer: IncomingMessage) {
    answer.setEncoding('utf8');
    answer.on('data', (part: string) => this.take(part));
    answer.once('close', () => (this.isOver = true));
    answer.on('error', () => undefined);
  }

  /** Opens a stream; resolves with its head. */
  static open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    return new Promise((resolve, reject) => {
      get(url, { headers, agent: false }, (answer) => resolve(new EventStream(answer))).once('error', reject);
    });
  }

  /** Hangs up. */
  close(): void {
    this.answer.destroy();
  }

  private take(part: string): void {
    this.text += part;
    const blocks = (this.rest + part).split('\n\n');
    this.rest = blocks.pop()!;
    for (const block of blocks) {
      const lines = Object.fromEntries(
        block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line)?.slice(1) ?? ['', '']),
      );
      if (lines.event) this.events.push({ event: lines.event, id: lines.id!, data: JSON.parse(lines.data) as unknown });
    }
  }
}
