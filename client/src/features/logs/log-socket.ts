import { io, type Socket } from 'socket.io-client';
import { getToken } from '../../api/token';
import type { LogEntry } from '../../api/types';
import { SERVICE_PATH } from '../../config/base';
import { GrowingPause } from './growing-pause';

/** Which lines are wanted. */
export interface LogFilter {
  level: string;
  q: string;
}

/** How it stands with a live log: `waiting` where it was refused for what passes by itself, and is tried again. */
export type LiveState = 'connecting' | 'live' | 'waiting' | 'refused';

/** What a live log tells. */
export interface LogListener {
  /** The newest lines so far, the oldest first; what was shown before is void. */
  onBacklog: (entries: LogEntry[]) => void;
  /** Lines that happened since, in order. */
  onLines: (entries: LogEntry[]) => void;
  /** Lines that this page was too slow for. */
  onDropped: (count: number) => void;
  onState: (state: LiveState, detail: string | null) => void;
}

const BACKLOG = 500;
/** Refusals that pass by themselves; the number of open logs too, since one that was lost counts for a while. */
const PASSING = new Set(['auth_unavailable', 'rate_limited', 'quota_exceeded', 'shutting_down']);

interface Refusal {
  code: string;
  detail: string;
}
type Answer = { ok: true; items: LogEntry[] } | ({ ok: false } & Refusal);

/**
 * Follows the log; the result ends that. Lines that come together are told together, once for each picture drawn. What is refused
 * for something that passes is tried again, less and less often; what is refused for who asks, as soon as they have another token.
 */
export function followLog({ level, q }: LogFilter, listener: LogListener): () => void {
  let token: string | null = null;
  const socket: Socket = io(`${window.location.origin}/logs`, {
    path: `${SERVICE_PATH}/socket.io`,
    auth: (give) => give({ token: (token = getToken()) ?? undefined }),
    transports: ['websocket', 'polling'],
    forceNew: true,
  });
  let waiting: LogEntry[] = [];
  let frame = 0;
  let isTokenRefused = false;
  const tell = () => {
    frame = 0;
    listener.onLines(waiting.splice(0));
  };
  const subscribe = () =>
    socket.emit('subscribe', { level, ...(q !== '' && { q }), backlog: BACKLOG }, (answer: Answer) => {
      if (!answer.ok) return answer.code === 'superseded' ? undefined : refused(answer);
      waiting = [];
      pause.reset();
      listener.onBacklog(answer.items);
      listener.onState('live', null);
    });
  const pause = new GrowingPause(() => {
    if (isTokenRefused && getToken() === token) return pause.begin();
    isTokenRefused = false;
    if (socket.connected) return void subscribe();
    // Where the way to the service is lost, the socket itself looks for it.
    if (!socket.active) socket.connect();
  });
  const refused = ({ code, detail }: Refusal) => {
    isTokenRefused = code === 'unauthorized';
    listener.onState(PASSING.has(code) ? 'waiting' : 'refused', detail);
    if (isTokenRefused || PASSING.has(code)) pause.begin();
  };
  socket.on('connect', () => {
    pause.stop();
    subscribe();
  });
  socket.on('log', (entry: LogEntry) => {
    waiting.push(entry);
    // A page that is not seen draws nothing, but its lines must not pile up unseen either.
    frame ||= document.hidden ? window.setTimeout(tell, 200) : requestAnimationFrame(tell);
  });
  socket.on('dropped', ({ count }: { count: number }) => listener.onDropped(count));
  socket.on('disconnect', (reason) => {
    listener.onState('connecting', null);
    // The service cut it, for instance since the token ended: with the new one it goes on.
    if (reason === 'io server disconnect') pause.begin();
  });
  socket.on('connect_error', (error: Error & { data?: Partial<Refusal> }) => {
    const { code, detail } = error.data ?? {};
    if (code !== undefined && detail !== undefined) refused({ code, detail });
    else listener.onState('connecting', null);
  });
  return () => {
    cancelAnimationFrame(frame);
    window.clearTimeout(frame);
    pause.stop();
    socket.close();
  };
}
