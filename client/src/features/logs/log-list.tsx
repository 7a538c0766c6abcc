import { Anchor } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useRef } from 'react';
import { Link } from 'react-router';
import type { LogEntry } from '../../api/types';
import { formatTime, formatUtc } from '../../lib/format';
import { showName } from '../../lib/names';
import { logTexts } from '../../texts/logs';
import type { LogLines } from './log-lines';
import classes from './log-list.module.css';

const LINE_PX = 21;
/** Nearer to the end than this counts as being there. */
const NEAR_PX = 40;
/** Nearer to the beginning than this asks for what was before. */
const EARLY_PX = 200;

interface Props {
  lines: LogLines;
  isFollowing: boolean;
  onFollow: (isFollowing: boolean) => void;
  loadOlder: () => Promise<void>;
  /** Asks for the lines that hold this text. */
  onSearch: (text: string) => void;
}

/** Lines of the log, the newest last. At its end it follows; who scrolls up stays where they are, whatever comes or goes. */
export function LogList({ lines, isFollowing, onFollow, loadOlder, onSearch }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const { firstKey, nextKey, length } = lines;
  const rows = useVirtualizer({
    count: length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    // The same function as long as the numbers are the same: all places are reckoned anew for another.
    getItemKey: useCallback((index: number) => firstKey + index, [firstKey]),
    // The line that is seen stays where it is when history comes in front of it, or the oldest lines go.
    anchorTo: 'end',
    overscan: 20,
  });
  useEffect(() => {
    if (isFollowing && length > 0) rows.scrollToIndex(length - 1, { align: 'end' });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- each new line, not each drawing
  }, [nextKey, isFollowing]);

  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (isAtEnd !== isFollowing) onFollow(isAtEnd);
    if (scrollTop < EARLY_PX) loadOlder().catch(() => undefined);
  };

  return (
    <div
      ref={scroller}
      className={classes.list}
      role="log"
      aria-live="off"
      aria-label={logTexts.log}
      tabIndex={0}
      onScroll={onScroll}
    >
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {rows.getVirtualItems().map(({ index, start, key }) => (
          <div
            key={key}
            ref={rows.measureElement}
            data-index={index}
            className={classes.line}
            style={{ transform: `translateY(${start}px)` }}
          >
            <Line entry={lines.at(index)!} onSearch={onSearch} />
          </div>
        ))}
      </div>
    </div>
  );
}

interface LineProps {
  entry: LogEntry;
  onSearch: (text: string) => void;
}

function Line({ entry, onSearch }: LineProps) {
  const { time, level, message, operation_id: id, trace_id: trace, ...fields } = entry as LogEntry & Fields;
  const more = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return (
    <>
      <time className={classes.time} dateTime={time} title={formatUtc(time)}>
        {formatTime(time)}
      </time>
      <span className={`${classes.level} ${classes[level] ?? ''}`}>{level}</span>
      <span className={classes.text}>
        {showName(message)}
        {more.length > 0 && (
          <span className={classes.fields}>
            {more.map(([name, value]) => ` ${name}=${showName(textOf(value))}`).join('')}
          </span>
        )}
        {typeof id === 'string' && (
          <>
            {' '}
            <Anchor component={Link} to={`/operations/${id}`} inherit underline="always">
              {logTexts.operation}
            </Anchor>
          </>
        )}
        {typeof trace === 'string' && (
          <>
            {' '}
            <Anchor
              component="button"
              type="button"
              inherit
              underline="always"
              title={logTexts.traceLines(trace)}
              onClick={() => onSearch(trace)}
            >
              {logTexts.trace}
            </Anchor>
          </>
        )}
      </span>
    </>
  );
}

type Fields = Record<string, unknown>;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
