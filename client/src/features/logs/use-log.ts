import { useCallback, useEffect, useRef, useState } from 'react';
import { type Answer, api, must } from '../../api/client';
import type { LogEntry, LogPage } from '../../api/types';
import { followLog, type LiveState, type LogFilter } from './log-socket';
import { LogLines } from './log-lines';

/** Lines that come with each look at what was before: the most that the service gives at once. */
const HISTORY = 500;

type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

interface LogState {
  state: LiveState;
  detail: string | null;
  dropped: number;
  /** Lines that came while the view is paused. */
  missed: number;
}

const NOTHING: LogState = { state: 'connecting', detail: null, dropped: 0, missed: 0 };

/** The log as it happens, and as much of what happened before as somebody scrolls up to. */
export function useLog({ level, q }: LogFilter, isPaused: boolean) {
  const [log, setLog] = useState(NOTHING);
  const [lines, setLines] = useState(LogLines.empty);
  const shown = useRef(lines);
  const held = useRef(LogLines.empty);
  const paused = useRef(isPaused);
  const history = useRef<{ cursor: string | null | undefined; isBusy: boolean }>({ cursor: undefined, isBusy: false });
  const show = useCallback((next: LogLines) => {
    shown.current = next;
    setLines(next);
  }, []);

  useEffect(() => {
    const begin = (entries: LogEntry[]) => {
      held.current = LogLines.empty;
      history.current = { cursor: undefined, isBusy: false };
      show(LogLines.empty.append(entries));
    };
    begin([]);
    setLog(NOTHING);
    return followLog(
      { level, q },
      {
        onBacklog: (entries) => {
          begin(entries);
          setLog((before) => ({ ...before, missed: 0 }));
        },
        onLines: (entries) => {
          if (!paused.current) return show(shown.current.append(entries));
          held.current = held.current.append(entries);
          setLog((before) => ({ ...before, missed: before.missed + entries.length }));
        },
        onDropped: (count) => setLog((before) => ({ ...before, dropped: before.dropped + count })),
        onState: (state, detail) => setLog((before) => ({ ...before, state, detail })),
      },
    );
  }, [level, q, show]);

  useEffect(() => {
    paused.current = isPaused;
    if (isPaused || held.current.length === 0) return;
    show(shown.current.append(held.current.toArray()));
    held.current = LogLines.empty;
    setLog((before) => ({ ...before, missed: 0 }));
  }, [isPaused, show]);

  /** Brings what happened before the first line. */
  const loadOlder = useCallback(async (): Promise<void> => {
    const { current } = history;
    if (current.isBusy) return;
    current.isBusy = true;
    try {
      // The log is read from its end: the first pages are shown already.
      while (current.cursor !== null && current === history.current) {
        const query = { level: level as Level, q: q || undefined, limit: HISTORY, cursor: current.cursor };
        const page = await must(api.GET('/logs', { params: { query } }) as Promise<Answer<LogPage>>);
        current.cursor = page.next_cursor;
        const older = olderThan(shown.current, page.items.reverse());
        if (older.length === 0 || current !== history.current) continue;
        return show(shown.current.prepend(older));
      }
    } finally {
      current.isBusy = false;
    }
  }, [level, q, show]);

  return { ...log, lines, loadOlder };
}

/** What of these lines is not shown yet: of those that happened in the very moment of the first line, only others. */
function olderThan(lines: LogLines, entries: LogEntry[]): LogEntry[] {
  const oldest = lines.at(0)?.time;
  if (oldest === undefined) return entries;
  const same = new Set<string>();
  for (let at = 0; lines.at(at)?.time === oldest; at += 1) same.add(JSON.stringify(lines.at(at)));
  return entries.filter((entry) => entry.time < oldest || (entry.time === oldest && !same.has(JSON.stringify(entry))));
}
