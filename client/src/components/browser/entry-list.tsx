import { VisuallyHidden } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type MouseEvent, useEffect, useId, useRef, useState } from 'react';
import type { Entry } from '../../api/types';
import { formatBytes, formatTime, formatUtc } from '../../lib/format';
import { PathText } from '../path-text';
import { EntryIcon } from './entry-icon';
import classes from './entry-list.module.css';

const ROW_PX = 36;
const PAGE_ROWS = 10;

interface Props {
  label: string;
  entries: Entry[];
  isSelected: (entry: Entry) => boolean;
  onToggle: (entry: Entry) => void;
  onOpen: (entry: Entry) => void;
  onUp: () => void;
  /** Called when the end of what is loaded comes into sight. */
  onEnd: () => void;
}

/**
 * What a directory holds. Space chooses, Enter opens a directory, Backspace goes up; only what is in sight is drawn, so
 * that a directory of a hundred thousand names scrolls as well as one of ten.
 */
export function EntryList({ label, entries, isSelected, onToggle, onOpen, onUp, onEnd }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const id = useId();
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
  });
  const seen = rows.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= entries.length - 1) onEnd();
  }, [last, entries.length, onEnd]);

  const moveTo = (index: number) => {
    const next = Math.max(0, Math.min(entries.length - 1, index));
    setActive(next);
    rows.scrollToIndex(next);
  };
  const activate = (entry: Entry) => (entry.kind === 'directory' ? onOpen(entry) : onToggle(entry));
  const keys: Record<string, () => void> = {
    ArrowDown: () => moveTo(active + 1),
    ArrowUp: () => moveTo(active - 1),
    PageDown: () => moveTo(active + PAGE_ROWS),
    PageUp: () => moveTo(active - PAGE_ROWS),
    Home: () => moveTo(0),
    End: () => moveTo(entries.length - 1),
    Backspace: onUp,
    ' ': () => onToggle(entries[active]!),
    Enter: () => activate(entries[active]!),
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act();
  };
  const onClick = (event: MouseEvent, entry: Entry, index: number) => {
    setActive(index);
    const isBox = (event.target as Element).closest('[data-check]') !== null;
    if (isBox) onToggle(entry);
    else activate(entry);
  };

  return (
    <div
      ref={scroller}
      className={classes.list}
      role="listbox"
      aria-multiselectable
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={entries.length > 0 ? `${id}-${active}` : undefined}
      onKeyDown={onKeyDown}
    >
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {seen.map(({ index, start }) => {
          const entry = entries[index]!;
          return (
            <div
              key={entry.name}
              id={`${id}-${index}`}
              role="option"
              aria-selected={isSelected(entry)}
              aria-setsize={entries.length}
              aria-posinset={index + 1}
              data-active={index === active || undefined}
              className={classes.row}
              style={{ height: ROW_PX, transform: `translateY(${start}px)` }}
              onClick={(event) => onClick(event, entry, index)}
            >
              <span className={classes.check} data-check>
                <span className={classes.box}>
                  <IconCheck size={14} stroke={3} aria-hidden />
                </span>
              </span>
              <EntryIcon kind={entry.kind} />
              <span className={classes.name}>
                <PathText path={entry.name} encoding={entry.name_encoding} oneLine />
                <VisuallyHidden>, {entry.kind}, </VisuallyHidden>
              </span>
              <span className={classes.size}>{entry.size === null ? '' : formatBytes(entry.size)}</span>
              <Changed at={entry.mtime} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** When something was changed last: local, in UTC for who points at it. */
function Changed({ at }: { at: string | null }) {
  return (
    <span className={classes.date} title={at === null ? undefined : formatUtc(at)}>
      {at === null ? '' : formatTime(at)}
    </span>
  );
}
