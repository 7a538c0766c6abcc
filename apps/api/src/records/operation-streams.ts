import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type Response } from 'express';
import { type StagingRecord } from '@app/records';
import { OperationWatch } from '@app/staging';
import { EventWriter } from './event-writer';
import { OperationFinder } from './operation-finder';
import { OperationViews } from './operation-views';

/** How often live facts are looked at, in milliseconds. */
const LOOK_MS = 200;
/** How often the record is read again: an operation may be done by another process. */
const READ_MS = 5000;

/** Shows single operations live, as streams of events. */
@Injectable()
export class OperationStreams implements OnModuleDestroy {
  private readonly open = new Set<OperationStream>();

  constructor(
    private readonly finder: OperationFinder,
    private readonly views: OperationViews,
    private readonly watch: OperationWatch,
  ) {}

  /** Answers with the events of an operation: its state now, each further one, and its end. */
  begin(record: StagingRecord, response: Response): void {
    const stream = new OperationStream(record, response, this.finder, this.views, this.watch);
    this.open.add(stream);
    response.once('close', () => {
      stream.forget();
      this.open.delete(stream);
    });
  }

  /** Streams that are open. */
  get count(): number {
    return this.open.size;
  }

  /** The service stops: clients come back when it runs again. */
  onModuleDestroy(): void {
    for (const stream of this.open) stream.close();
  }
}

/** The id of the event that tells an end, by which a client that comes back for nothing more is known. */
export function endIdOf({ attempts }: StagingRecord): string {
  return `end-${attempts}`;
}

/** True when nothing more will happen to an operation by itself. */
export function hasEnded({ status }: StagingRecord): boolean {
  return status !== 'queued' && status !== 'running';
}

/** One operation on its way to one client. */
class OperationStream {
  private readonly writer: EventWriter;
  private readonly unsubscribe: () => void;
  private readonly looking: NodeJS.Timeout;
  private readonly reading: NodeJS.Timeout;
  private sent = '';
  private number = 0;
  private isOver = false;

  constructor(
    private record: StagingRecord,
    response: Response,
    private readonly finder: OperationFinder,
    private readonly views: OperationViews,
    watch: OperationWatch,
  ) {
    this.writer = new EventWriter(response);
    this.unsubscribe = watch.subscribe(record.id, () => void this.read());
    this.looking = setInterval(() => this.look(), LOOK_MS);
    this.reading = setInterval(() => void this.read(), READ_MS);
    this.look();
    // What happened between its being read and its being watched.
    if (!this.isOver) void this.read();
  }

  /** Ends the stream without an end of the operation. */
  close(): void {
    this.forget();
    this.writer.close();
  }

  /** Nothing more is looked at. */
  forget(): void {
    this.isOver = true;
    clearInterval(this.looking);
    clearInterval(this.reading);
    this.unsubscribe();
  }

  private async read(): Promise<void> {
    try {
      this.record = await this.finder.find(this.record.id);
    } catch {
      // The database is away, or the record was just removed: what is known is told until it is back.
      return;
    }
    if (!this.isOver) this.look();
  }

  private look(): void {
    const data = JSON.stringify(this.views.of(this.record));
    if (hasEnded(this.record)) {
      this.forget();
      this.writer.end('end', endIdOf(this.record), data);
    } else if (data !== this.sent && this.writer.send('progress', `${this.record.attempts}-${this.number}`, data)) {
      this.sent = data;
      this.number += 1;
    }
  }
}
