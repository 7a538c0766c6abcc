import { useCallback, useEffect, useRef, useState } from 'react';
import { api, must } from '../../api/client';
import type { LogEntry } from '../../api/types';
import { followLog, type LogFilter } from './log-socket';
import { LogLines } from './log-lines';

const HISTORY = 200;

type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

interface Log {
  lines: LogLines;
  state: 'connecting' | 'live' | 'refused';
  detail: string | null;
  dropped: number;
  /** Lines that came while the view is paused. */
  missed: number;
}

const NOTHING: Log = { lines: LogLines.empty, state: 'connecting', detail: null, dropped: 0, missed: 0 };

/** The log as it happens, and as much of what happened before as somebody scrolls up to. */
export function useLog({ level, q }: LogFilter, isPaused: boolean) {
  const [log, setLog] = useState(NOTHING);
  const held = useRef<LogEntry[]>([]);
  const paused = useRef(isPaused);
  const history = useRef<{ cursor: string | null | undefined; isBusy: boolean }>({ cursor: undefined, isBusy: false });

  useEffect(() => {
    held.current = [];
    history.current = { cursor: undefined, isBusy: false };
    setLog(NOTHING);
    return followLog(
      { level, q },
      {
        onBacklog: (entries) => setLog((before) => ({ ...before, lines: LogLines.empty.append(entries), missed: 0 })),
        onLines: (entries) => {
          if (paused.current) {
            held.current.push(...entries);
            return setLog((before) => ({ ...before, missed: held.current.length }));
          }
          setLog((before) => ({ ...before, lines: before.lines.append(entries) }));
        },
        onDropped: (count) => setLog((before) => ({ ...before, dropped: before.dropped + count })),
        onState: (state, detail) => setLog((before) => ({ ...before, state, detail })),
      },
    );
  }, [level, q]);

  useEffect(() => {
    paused.current = isPaused;
    if (isPaused || held.current.length === 0) return;
    const entries = held.current.splice(0);
    setLog((before) => ({ ...before, lines: before.lines.append(entries), missed: 0 }));
  }, [isPaused]);

  /** Brings what happened before the first line; resolves with how many lines that were. */
  const loadOlder = useCallback(async (): Promise<number> => {
    const { current } = history;
    if (current.isBusy || current.cursor === null) return 0;
    current.isBusy = true;
    try {
      const query = { level: level as Level, q: q || undefined, limit: HISTORY, cursor: current.cursor };
      const page = await must(api.GET('/logs', { params: { query } }) as never as Promise<PageAnswer>);
      current.cursor = page.next_cursor;
      const added = page.items.reverse();
      let count = 0;
      setLog((before) => {
        const oldest = before.lines.lines[0]?.entry.time;
        const older = oldest === undefined ? added : added.filter(({ time }) => time < oldest);
        count = older.length;
        return { ...before, lines: before.lines.prepend(older) };
      });
      return count;
    } finally {
      current.isBusy = false;
    }
  }, [level, q]);

  return { ...log, entries: log.lines.lines, loadOlder };
}

interface PageAnswer {
  data: { items: LogEntry[]; next_cursor: string | null };
  response: Response;
}
