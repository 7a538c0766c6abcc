import { type Redis } from 'ioredis';
import { answersOf } from './relay-connection';

/** The id before all others. */
const BEGINNING = '0-0';
/** Places of logs that nobody reads on with for so long are removed: each new container is a log of its own. */
const FORGOTTEN_MS = 30 * 86_400_000;

/** How far the stream is read by one log; kept in Redis, under the name of that log, for the next run. */
export class ReadPlace {
  /** The id of the last entry that was read; null before Redis was asked. */
  private id: string | null = null;
  /** What Redis has of it. */
  private saved: string | null = null;

  constructor(
    private readonly keys: { stream: string; places: string },
    private readonly log: string,
  ) {}

  /** Where to read on. */
  get after(): string {
    return this.id ?? BEGINNING;
  }

  /** An entry was read; the others know with `save`. */
  moveTo(id: string): void {
    this.id = id;
  }

  async save(redis: Redis): Promise<void> {
    const { id } = this;
    if (id === null || id === this.saved) return;
    await redis.hset(this.keys.places, this.log, id);
    this.saved = id;
  }

  /** Finds the place again, at the start and whenever Redis may have been emptied or have lost its end. */
  async find(redis: Redis): Promise<void> {
    const { stream, places } = this.keys;
    const asked = redis.multi().hget(places, this.log).xrevrange(stream, '+', '-', 'COUNT', 1);
    const [saved, newest] = answersOf(await asked.exec()) as [string | null, [id: string, fields: string[]][]];
    const last = newest[0]?.[0] ?? BEGINNING;
    if (this.id === null) await this.removeForgotten(redis, last);
    this.id = findPlace(this.id, saved, last);
    this.saved = saved;
    await this.save(redis);
  }

  private async removeForgotten(redis: Redis, last: string): Promise<void> {
    const { places } = this.keys;
    const before = BigInt(Math.max(0, Number(timeOf(last)) - FORGOTTEN_MS));
    const all = Object.entries(await redis.hgetall(places));
    const gone = all.filter(([log, id]) => log !== this.log && (!isId(id) || timeOf(id) < before));
    if (gone.length > 0) await redis.hdel(places, ...gone.map(([log]) => log));
  }
}

/**
 * Where to read on. `known`: the last entry that this run read (null: none yet), `saved`: the place that Redis knows,
 * `last`: the last entry of the stream. Beyond its end there can be no place: then either the stream is another, which is
 * read from its beginning, or Redis came back with older data, where its own place is the right one. Whoever comes for the
 * first time begins with now.
 */
export function findPlace(known: string | null, saved: string | null, last: string): string {
  if (known !== null && !isAfter(known, last)) return known;
  const isSaved = saved !== null && isId(saved);
  if (isSaved) return isAfter(saved, last) ? BEGINNING : saved;
  return known === null ? last : BEGINNING;
}

function isId(text: string): boolean {
  return /^\d{1,20}-\d{1,20}$/.test(text);
}

function isAfter(id: string, other: string): boolean {
  const [time, otherTime] = [timeOf(id), timeOf(other)];
  return time === otherTime ? BigInt(id.split('-')[1]!) > BigInt(other.split('-')[1]!) : time > otherTime;
}

/** Milliseconds of Redis' own clock when the entry was written. */
function timeOf(id: string): bigint {
  return BigInt(id.split('-')[0]!);
}
