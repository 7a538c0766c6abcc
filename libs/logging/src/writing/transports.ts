import TransportStream from 'winston-transport';
import { type BuiltLine } from '../entry/build-line';
import { type LogFeed } from '../log-feed';
import { renderEntry } from './console-lines';
import { type LineWriter } from './line-writer';

/** What goes through Winston: its own two fields and the finished entry. */
export interface LogInfo {
  level: string;
  message: string;
  built: BuiltLine;
  /** False for what a listener or carrier of the feed logged: handed on, it would call them without end. */
  forFeed: boolean;
  /** False for what a carrier logged, for the same reason. */
  forCarriers: boolean;
}

/** Puts entries into the queue of the log file. Never holds up Winston: the queue is bounded by itself. */
export class FileTransport extends TransportStream {
  constructor(private readonly writer: LineWriter) {
    super();
  }

  override log(info: LogInfo, done: () => void): void {
    this.writer.push(info.built.line);
    done();
  }
}

/** Puts entries, readable, into the queue of the console. */
export class ConsoleTransport extends TransportStream {
  constructor(private readonly writer: LineWriter) {
    super();
  }

  override log(info: LogInfo, done: () => void): void {
    this.writer.push(renderEntry(info.built.entry));
    done();
  }
}

/** Hands entries to those who watch the log. */
export class FeedTransport extends TransportStream {
  constructor(private readonly feed: LogFeed) {
    super();
  }

  override log(info: LogInfo, done: () => void): void {
    if (info.forCarriers) this.feed.carry(info.built.line);
    if (info.forFeed) this.feed.publish(info.built.line);
    done();
  }
}
