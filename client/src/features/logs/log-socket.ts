import { io, type Socket } from 'socket.io-client';
import { getToken } from '../../api/token';
import type { LogEntry } from '../../api/types';
import { SERVICE_PATH } from '../../config/base';

/** Which lines are wanted. */
export interface LogFilter {
  level: string;
  q: string;
}

/** What a live log tells. */
export interface LogListener {
  /** The newest lines so far, the oldest first; what was shown before is void. */
  onBacklog: (entries: LogEntry[]) => void;
  /** Lines that happened since, in order. */
  onLines: (entries: LogEntry[]) => void;
  /** Lines that this page was too slow for. */
  onDropped: (count: number) => void;
  onState: (state: 'connecting' | 'live' | 'refused', detail: string | null) => void;
}

const BACKLOG = 500;

type Answer = { ok: true; items: LogEntry[] } | { ok: false; code: string; detail: string };

/** Follows the log; the result ends that. Lines that come together are told together, once for each picture drawn. */
export function followLog({ level, q }: LogFilter, listener: LogListener): () => void {
  const socket: Socket = io(`${window.location.origin}/logs`, {
    path: `${SERVICE_PATH}/socket.io`,
    auth: (give) => give({ token: getToken() ?? undefined }),
    transports: ['websocket', 'polling'],
    forceNew: true,
  });
  let waiting: LogEntry[] = [];
  let frame = 0;
  const tell = () => {
    frame = 0;
    listener.onLines(waiting.splice(0));
  };
  const subscribe = () =>
    socket.emit('subscribe', { level, ...(q !== '' && { q }), backlog: BACKLOG }, (answer: Answer) => {
      if (!answer.ok) return answer.code === 'superseded' ? undefined : listener.onState('refused', answer.detail);
      waiting = [];
      listener.onBacklog(answer.items);
      listener.onState('live', null);
    });
  socket.on('connect', subscribe);
  socket.on('log', (entry: LogEntry) => {
    waiting.push(entry);
    // A page that is not seen draws nothing, but its lines must not pile up unseen either.
    frame ||= document.hidden ? window.setTimeout(tell, 200) : requestAnimationFrame(tell);
  });
  socket.on('dropped', ({ count }: { count: number }) => listener.onDropped(count));
  socket.on('disconnect', (reason) => {
    listener.onState('connecting', null);
    // The service cut it, for instance since the token ended: with the new one it goes on.
    if (reason === 'io server disconnect') window.setTimeout(() => socket.connect(), 1000);
  });
  socket.on('connect_error', (error: Error & { data?: { detail?: string } }) => {
    const detail = error.data?.detail ?? null;
    listener.onState(detail === null ? 'connecting' : 'refused', detail);
  });
  return () => {
    cancelAnimationFrame(frame);
    window.clearTimeout(frame);
    socket.close();
  };
}
