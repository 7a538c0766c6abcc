import { Redis, type RedisOptions } from 'ioredis';
import { AppError } from '@app/core';

/** How a site's Redis is reached. */
export interface RedisLinkOptions {
  /** `redis://` or `rediss://`, with password and number of the database where there are some. */
  url: string;
  /** What all names of keys and channels begin with. */
  prefix: string;
  /** Told when Redis goes away (with the reason) and when it is back (null). */
  onChange: (trouble: Error | null) => void;
}

/** An answer that takes longer counts as none, in milliseconds. */
const ANSWER_MS = 4000;
const CONNECT_MS = 4000;
const LONGEST_PAUSE_MS = 1000;
/** Seconds after which Redis may be back. */
const RETRY_SECONDS = 10;

/** The connections of one process to the site's Redis: opened at once, and again whenever they break. */
export class RedisLink {
  /** For short commands: they fail at once while Redis is away, instead of piling up. */
  readonly commands: Redis;
  private readonly further = new Set<Redis>();
  private isTold = false;

  constructor(private readonly options: RedisLinkOptions) {
    this.commands = this.connect({
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: ANSWER_MS,
      // A command that was sent and not answered may have had its effect: whoever sent it decides.
      autoResendUnfulfilledCommands: false,
    });
    this.commands.on('error', (error: Error) => this.tell(error));
    this.commands.on('close', () => this.tell(new Error('The connection to Redis was closed')));
    this.commands.on('ready', () => this.tell(null));
  }

  /** Whether Redis can be asked now, as far as is known. */
  get isUp(): boolean {
    return this.commands.status === 'ready';
  }

  /** The name of a key or channel; all of them belong to one slot of a Redis cluster. */
  key(...names: string[]): string {
    return [`{${this.options.prefix}}`, ...names].join(':');
  }

  /** A further connection, for what waits for answers or is subscribed; it comes back by itself and is closed with the link. */
  open(options: RedisOptions = {}): Redis {
    const redis = this.connect({ maxRetriesPerRequest: null, ...options });
    this.further.add(redis);
    // That Redis is away is told once, by the connection for commands.
    redis.on('error', () => undefined);
    return redis;
  }

  /** Does something with Redis. Throws `queue_unavailable` when it is away or does not answer. */
  async run<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await work(this.commands);
    } catch (error) {
      throw queueUnavailable(error);
    }
  }

  /** Resolves when Redis answers, or after `ms`. */
  async ready(ms: number): Promise<void> {
    if (this.isUp) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.commands.once('ready', resolve);
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  /** Ends all connections at once. Idempotent. */
  close(): void {
    this.isTold = true;
    for (const redis of [this.commands, ...this.further]) redis.disconnect();
  }

  private connect(options: RedisOptions): Redis {
    return new Redis(this.options.url, {
      connectTimeout: CONNECT_MS,
      retryStrategy: (times) => Math.min(50 * 2 ** times, LONGEST_PAUSE_MS),
      ...options,
    });
  }

  /** Each change once: a server that is away is tried for many times. */
  private tell(trouble: Error | null): void {
    if (this.isTold === (trouble !== null)) return;
    this.isTold = trouble !== null;
    this.options.onChange(trouble);
  }
}

/** The error for what needs the queue while Redis is away; another error stays what it is. */
export function queueUnavailable(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('queue_unavailable', 'The queue does not answer; nothing was staged. Ask again in a moment.', {
    retryable: true,
    retryAfterSeconds: RETRY_SECONDS,
    cause: error,
  });
}
