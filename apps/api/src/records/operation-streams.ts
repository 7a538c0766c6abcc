import { isDeepStrictEqual } from 'node:util';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type Response } from 'express';
import { Settings } from '@app/core';
import { type StagingRecord } from '@app/records';
import { OperationWatch } from '@app/staging';
import { millisecondsUntil, ReaderLimit } from '../auth/reader-limit';
import { type OperationDto } from './dto/operation.dto';
import { EventWriter } from './event-writer';
import { OperationFinder } from './operation-finder';
import { OperationViews } from './operation-views';

/** How often live facts are looked at, in milliseconds. */
const LOOK_MS = 125;
/** Why an operation waits is asked for at each so many looks. */
const WAIT_TICKS = 8;
/** How often the record is read again: an operation may be done by another process. */
const READ_MS = 5000;

/** Who reads a stream. */
export interface StreamReader {
  /** Who it counts for. */
  reader: string;
  /** When what they signed in with ends; null: never. */
  expiresAt: Date | null;
}

/** Shows single operations live, as streams of events. */
@Injectable()
export class OperationStreams implements OnModuleDestroy {
  private readonly open = new Set<OperationStream>();
  private readonly readers: ReaderLimit;
  private isStopping = false;

  constructor(
    private readonly finder: OperationFinder,
    private readonly views: OperationViews,
    private readonly watch: OperationWatch,
    settings: Settings,
  ) {
    this.readers = new ReaderLimit(settings.get('MAX_EVENT_STREAMS_PER_USER'));
  }

  /**
   * Answers with the events of an operation: its state now, each further one, and its end. Ends with what its reader signed
   * in with. Throws `quota_exceeded`.
   */
  begin(record: StagingRecord, response: Response, { expiresAt, reader }: StreamReader): void {
    // Who hung up meanwhile will not be told of that again.
    if (response.closed) return;
    const leave = this.readers.enter(reader);
    const stream = new OperationStream(record, response, this.finder, this.views, this.watch);
    this.open.add(stream);
    const ending = expiresAt && setTimeout(() => stream.close(), millisecondsUntil(expiresAt));
    response.once('close', () => {
      clearTimeout(ending ?? undefined);
      leave();
      stream.forget();
      this.open.delete(stream);
    });
    // Whoever comes while the service stops hears the state, and comes back.
    if (this.isStopping) stream.close();
  }

  /** Streams that are open. */
  get count(): number {
    return this.open.size;
  }

  /** The service stops: clients come back when it runs again. */
  onModuleDestroy(): void {
    this.isStopping = true;
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
  private readonly over = new AbortController();
  private readonly looking: NodeJS.Timeout;
  private readonly reading: NodeJS.Timeout;
  private sent: OperationDto | null = null;
  private number = 0;
  private reads = 0;
  /** The last read that was answered. */
  private known = 0;
  private isOver = false;
  private waitReason: string | null = null;
  private ticks = 0;

  constructor(
    private record: StagingRecord,
    response: Response,
    private readonly finder: OperationFinder,
    private readonly views: OperationViews,
    watch: OperationWatch,
  ) {
    this.writer = new EventWriter(response);
    this.unsubscribe = watch.subscribe(record.id, (change) => change === 'changed' && void this.read());
    // Also when the database is away: the end that it could not take yet is known here.
    void watch.untilEnded(record.id, Infinity, this.over.signal).then((event) => event && this.end(event.record));
    this.looking = setInterval(() => this.tick(), LOOK_MS);
    this.reading = setInterval(() => void this.read(), READ_MS);
    void this.begin();
  }

  private async begin(): Promise<void> {
    // In this turn where it can be: whoever comes while the service stops is let go at once.
    if (this.record.status === 'queued') await this.readWaitReason();
    this.look();
    // What happened between its being read and its being watched.
    if (!this.isOver) await this.read();
  }

  /** Ends the stream without an end of the operation. */
  close(): void {
    if (this.isOver) return;
    this.forget();
    this.writer.close();
  }

  /** Nothing more is looked at. */
  forget(): void {
    this.isOver = true;
    clearInterval(this.looking);
    clearInterval(this.reading);
    this.unsubscribe();
    this.over.abort();
  }

  private tick(): void {
    this.ticks += 1;
    // What is before it in line is asked for elsewhere, so not as often as is looked here.
    if (this.record.status === 'queued' && this.ticks % WAIT_TICKS === 0) void this.readWaitReason();
    this.look();
  }

  private async readWaitReason(): Promise<void> {
    this.waitReason = await this.views.waitReasonOf(this.record);
  }

  private async read(): Promise<void> {
    const number = (this.reads += 1);
    try {
      const record = await this.finder.findAgain(this.record);
      // What was asked for later knows better.
      if (number > this.known) [this.record, this.known] = [record, number];
      if (record.status === 'queued') await this.readWaitReason();
    } catch {
      // The database is away, or the record was just removed: what is known is told until it is back.
      return;
    }
    this.look();
  }

  /** What is recorded counts; what is told of the end, where that cannot be read. */
  private async end(told: StagingRecord): Promise<void> {
    const recorded = await this.finder.findAgain(told).catch(() => null);
    this.record = recorded && hasEnded(recorded) ? recorded : told;
    this.look();
  }

  private look(): void {
    if (this.isOver) return;
    const view = this.views.now(this.record, this.waitReason);
    if (hasEnded(this.record)) {
      this.forget();
      this.writer.end('end', endIdOf(this.record), JSON.stringify(view));
    } else if (isNews(view, this.sent)) {
      const data = JSON.stringify(view);
      if (!this.writer.send('progress', `${view.attempts}-${this.number}`, data)) return;
      this.sent = view;
      this.number += 1;
    }
  }
}

/**
 * False also for a state that is behind what was told: for a moment, when work ends, only its record tells how far it is,
 * which is older.
 */
function isNews(view: OperationDto, sent: OperationDto | null): boolean {
  if (sent === null) return true;
  const isSame = view.attempts === sent.attempts && view.status === sent.status;
  const isBehind = (view.bytes_done ?? 0) < (sent.bytes_done ?? 0) || (view.files_done ?? 0) < (sent.files_done ?? 0);
  return isSame ? !isBehind && !isDeepStrictEqual(view, sent) : true;
}
