import { Grid, Select, Stack, Textarea } from '@mantine/core';
import { useState } from 'react';
import type { Place } from '../../api/storage';
import { DirectoryBrowser } from '../../components/browser/directory-browser';
import { FolderTree } from '../../components/browser/folder-tree';
import { type PathText, TOP } from '../../lib/names';
import { useSession } from '../../session/session';
import { stageTexts } from '../../texts/stage';
import { type Order, readSources, writeSources } from './order';

interface Props {
  order: Order;
  fault: string | undefined;
  onChange: (change: Partial<Order>) => void;
}

const said = stageTexts.source;

/** What of the storage is to be staged: chosen from its directories, or written down. */
export function SourcePicker({ order, fault, onChange }: Props) {
  const { config } = useSession();
  const [path, setPath] = useState<PathText>(TOP);
  // Without sign-in the storage is shown as the user may see it for whom it is, once that is said.
  const username = config.source_access === 'user' && order.username !== '' ? order.username : null;
  const place: Place = { area: null, storage: order.storage, username, path };
  const { sources } = order;
  const isSelected = ({ text }: PathText) => sources.some((one) => one.text === text);
  const toggle = (chosen: PathText) =>
    onChange({
      sources: isSelected(chosen) ? sources.filter(({ text }) => text !== chosen.text) : [...sources, chosen],
      destination: null,
    });
  return (
    <Stack gap="sm">
      {config.storages.length > 1 && (
        <Select
          label={said.storage}
          data={config.storages.map(({ name }) => name)}
          value={order.storage}
          allowDeselect={false}
          onChange={(storage) => {
            if (storage === null) return;
            setPath(TOP);
            onChange({ storage, sources: [], destination: null });
          }}
        />
      )}
      <Grid gap="sm">
        <Grid.Col span={{ base: 12, xl: 4 }} visibleFrom="xl">
          <FolderTree label={said.tree} top={order.storage} place={place} onOpen={setPath} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, xl: 8 }}>
          <DirectoryBrowser
            place={place}
            top={order.storage}
            label={said.storage}
            onOpen={setPath}
            isSelected={isSelected}
            onToggle={toggle}
            emptyText={said.empty}
          />
        </Grid.Col>
      </Grid>
      <Textarea
        label={said.paths}
        description={said.pathsHint}
        value={writeSources(sources)}
        onChange={({ currentTarget }) =>
          onChange({ sources: readSources(currentTarget.value, sources), destination: null })
        }
        error={sources.length === 0 ? undefined : fault}
        autosize
        minRows={1}
        maxRows={8}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      />
    </Stack>
  );
}
