import { Anchor } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import { Link } from 'react-router';
import type { LogEntry } from '../../api/types';
import { formatTime, formatUtc } from '../../lib/format';
import { showName } from '../../lib/names';
import type { NumberedLine } from './log-lines';
import classes from './log-list.module.css';

const LINE_PX = 21;
/** Nearer to the end than this counts as being there. */
const NEAR_PX = 40;
/** Nearer to the beginning than this asks for what was before. */
const EARLY_PX = 200;

interface Props {
  entries: readonly NumberedLine[];
  isFollowing: boolean;
  onFollow: (isFollowing: boolean) => void;
  loadOlder: () => Promise<number>;
}

/** Lines of the log, the newest last. At its end it follows; who scrolls up stays where they are. */
export function LogList({ entries, isFollowing, onFollow, loadOlder }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    getItemKey: (index) => entries[index]!.key,
    overscan: 20,
  });
  const lastKey = entries.at(-1)?.key;
  useEffect(() => {
    if (isFollowing && entries.length > 0) rows.scrollToIndex(entries.length - 1, { align: 'end' });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- each new line, not each drawing
  }, [lastKey, isFollowing]);

  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (isAtEnd !== isFollowing) onFollow(isAtEnd);
    if (scrollTop < EARLY_PX) void keepPlace();
  };
  const keepPlace = async () => {
    const added = await loadOlder().catch(() => 0);
    if (added > 0) scroller.current?.scrollBy({ top: added * LINE_PX });
  };

  return (
    <div
      ref={scroller}
      className={classes.list}
      role="log"
      aria-live="off"
      aria-label="Log"
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
            <Line entry={entries[index]!.entry} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Line({ entry }: { entry: LogEntry }) {
  const { time, level, message, operation_id: id, ...fields } = entry as LogEntry & Record<string, unknown>;
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
              operation
            </Anchor>
          </>
        )}
      </span>
    </>
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
