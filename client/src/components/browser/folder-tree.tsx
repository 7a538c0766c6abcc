import { Text } from '@mantine/core';
import { IconChevronRight, IconFolder } from '@tabler/icons-react';
import { type KeyboardEvent, useState } from 'react';
import type { Place } from '../../api/storage';
import { childOf, lastName, type PathText, readable, TOP } from '../../lib/names';
import classes from './folder-tree.module.css';
import { useDirectory } from './use-directory';

interface Props {
  label: string;
  top: string;
  /** The directory that is open, and the place that the tree is of. */
  place: Place;
  onOpen: (path: PathText) => void;
}

/** The directories of a storage, each asked for when it is unfolded. */
export function FolderTree({ label, top, place, onOpen }: Props) {
  return (
    <ul role="tree" aria-label={label} className={classes.tree} onKeyDown={moveFocus}>
      <Folder name={top} path={TOP} place={place} onOpen={onOpen} level={1} />
    </ul>
  );
}

interface FolderProps extends Pick<Props, 'place' | 'onOpen'> {
  name: string;
  path: PathText;
  /** How far below; the top is 1. */
  level: number;
}

function Folder({ name, path, place, onOpen, level }: FolderProps) {
  const isCurrent = place.path.text === path.text;
  const leadsTo = level === 1 || place.path.text.startsWith(`${path.text}/`);
  const [choice, setChoice] = useState<boolean | null>(null);
  const isExpanded = choice ?? leadsTo;
  const open = () => onOpen(path);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === 'ArrowRight' && !isExpanded) setChoice(true);
    else if (event.key === 'ArrowLeft' && isExpanded) setChoice(false);
    else if (event.key === 'Enter' || event.key === ' ') open();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <li role="none">
      <div
        role="treeitem"
        aria-expanded={isExpanded}
        aria-selected={isCurrent}
        aria-current={isCurrent ? 'location' : undefined}
        aria-level={level}
        className={classes.label}
        tabIndex={isCurrent ? 0 : -1}
        onKeyDown={onKeyDown}
        onClick={open}
      >
        <IconChevronRight
          size={14}
          className={classes.arrow}
          aria-hidden
          onClick={(event) => {
            event.stopPropagation();
            setChoice(!isExpanded);
          }}
        />
        <IconFolder size={16} aria-hidden color="var(--mantine-color-anchor)" style={{ flex: 'none' }} />
        <Text span size="sm" truncate>
          <bdi>{name}</bdi>
        </Text>
      </div>
      {isExpanded && <Children path={path} place={place} onOpen={onOpen} level={level + 1} />}
    </li>
  );
}

function Children({ path, place, onOpen, level }: Omit<FolderProps, 'name'>) {
  const { entries } = useDirectory({ ...place, path }, '');
  const folders = entries.filter(({ kind }) => kind === 'directory');
  if (folders.length === 0) return null;
  return (
    <ul role="group" className={classes.group}>
      {folders.map(({ name, name_encoding: encoding }) => {
        const child = childOf(path, name, encoding);
        return (
          <Folder
            key={child.text}
            name={readable(lastName(child.text), child.encoding)}
            path={child}
            place={place}
            onOpen={onOpen}
            level={level}
          />
        );
      })}
    </ul>
  );
}

/** Up and down go through what is unfolded, in the order in which it is seen. */
function moveFocus(event: KeyboardEvent<HTMLUListElement>): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (step === 0) return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=treeitem]')];
  const at = items.indexOf(document.activeElement as HTMLElement);
  items[Math.max(0, Math.min(items.length - 1, at + step))]?.focus();
}
