import { ActionIcon, Group, Stack, Text, TextInput, Tooltip } from '@mantine/core';
import { IconArrowUp, IconFolderOff, IconRefresh, IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import type { Place } from '../../api/storage';
import type { Entry } from '../../api/types';
import { formatCount } from '../../lib/format';
import { childOf, parentOf, type PathText } from '../../lib/names';
import { EmptyState, ErrorState, LoadingLines } from '../states';
import { browserTexts } from '../../texts/browser';
import { EntryList } from './entry-list';
import { PathSteps } from './path-steps';
import { useDirectory } from './use-directory';

interface Props {
  place: Place;
  /** How the top is called. */
  top: string;
  label: string;
  onOpen: (path: PathText) => void;
  isSelected: (path: PathText) => boolean;
  onToggle: (path: PathText, entry: Entry) => void;
  emptyText: string;
}

/** One directory: the way to it, a filter, and what it holds. */
export function DirectoryBrowser({ place, top, label, onOpen, isSelected, onToggle, emptyText }: Props) {
  const [filter, setFilter] = useState('');
  const directory = useDirectory(place, filter);
  const { entries, loaded, hasMore, loadMore, error, refetch, isPending } = directory;
  const { path } = place;
  const pathOf = (entry: Entry) => childOf(path, entry.name, entry.name_encoding);
  const open = (next: PathText) => {
    setFilter('');
    onOpen(next);
  };
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="xs" wrap="nowrap" align="center">
        <PathSteps top={top} path={path} onOpen={open} />
        <Group gap={4} wrap="nowrap">
          <Tooltip label={browserTexts.up}>
            <ActionIcon
              variant="default"
              aria-label={browserTexts.up}
              disabled={path.text === ''}
              onClick={() => open(parentOf(path))}
            >
              <IconArrowUp size={16} aria-hidden />
            </ActionIcon>
          </Tooltip>
          <Tooltip label={browserTexts.again}>
            <ActionIcon variant="default" aria-label={browserTexts.again} onClick={() => void refetch()}>
              <IconRefresh size={16} aria-hidden />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      <TextInput
        size="xs"
        aria-label={browserTexts.filter}
        placeholder={browserTexts.filter}
        leftSection={<IconSearch size={14} aria-hidden />}
        value={filter}
        onChange={({ currentTarget }) => setFilter(currentTarget.value)}
      />
      {error ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : isPending ? (
        <LoadingLines lines={8} height={30} />
      ) : entries.length === 0 && !hasMore ? (
        <EmptyState icon={<IconFolderOff aria-hidden />} title={filter === '' ? emptyText : browserTexts.nothingFits}>
          {filter === '' ? undefined : browserTexts.nothingFitsAdvice}
        </EmptyState>
      ) : (
        <EntryList
          key={`${place.storage ?? place.area}/${path.text}`}
          label={label}
          entries={entries}
          isSelected={(entry) => isSelected(pathOf(entry))}
          onToggle={(entry) => onToggle(pathOf(entry), entry)}
          onOpen={(entry) => open(pathOf(entry))}
          onUp={() => path.text !== '' && open(parentOf(path))}
          onEnd={loadMore}
        />
      )}
      <Text size="xs" c="dimmed" aria-live="polite">
        {error || isPending ? '' : summary(entries.length, loaded, hasMore, filter)}
      </Text>
    </Stack>
  );
}

function summary(shown: number, loaded: number, hasMore: boolean, filter: string): string {
  const more = hasMore ? browserTexts.soFar : '';
  if (filter.trim() !== '') return `${browserTexts.some(formatCount(shown), formatCount(loaded))}${more}`;
  return `${browserTexts.all(formatCount(loaded), loaded === 1)}${more}${browserTexts.keys}`;
}
