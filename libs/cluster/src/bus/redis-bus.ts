import { randomUUID } from 'node:crypto';
import { type Redis } from 'ioredis';
import { type RedisLink } from '../redis/redis-link';
import { type Bus, type Messages, type Topic } from './bus';

/** Longer messages are none of ours. */
const MAX_CHARACTERS = 65_536;

interface Envelope {
  from: string;
  topic: string;
  message: Record<string, unknown>;
}

type Listener = (message: never) => void;

/** Messages over Redis (PUBLISH and SUBSCRIBE): one channel for all. */
export class RedisBus implements Bus {
  readonly hasOthers = true;
  private readonly name = randomUUID();
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly subscriber: Redis;
  private readonly channel: string;

  constructor(private readonly link: RedisLink) {
    this.channel = link.key('bus');
    this.subscriber = link.open();
    this.subscriber.on('message', (_channel: string, text: string) => this.hear(text));
    // It is subscribed again by itself after each reconnection; refused only when the link is closed first.
    this.subscriber.subscribe(this.channel).catch(() => undefined);
  }

  publish<T extends Topic>(topic: T, message: Messages[T]): void {
    const text = JSON.stringify({ from: this.name, topic, message });
    if (this.link.isUp) this.link.commands.publish(this.channel, text).catch(() => undefined);
  }

  subscribe<T extends Topic>(topic: T, listener: (message: Messages[T]) => void): () => void {
    const listeners = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  private hear(text: string): void {
    const envelope = readEnvelope(text);
    if (!envelope || envelope.from === this.name) return;
    for (const listener of [...(this.listeners.get(envelope.topic) ?? [])]) listener(envelope.message as never);
  }
}

/** Undefined for what is no message of ours: another version may say what this one does not know. */
function readEnvelope(text: string): Envelope | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Envelope> | null;
    const isOurs =
      typeof value?.from === 'string' && typeof value.topic === 'string' && typeof value.message === 'object';
    return isOurs && value.message !== null ? (value as Envelope) : undefined;
  } catch {
    return undefined;
  }
}
