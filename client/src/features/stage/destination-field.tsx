import { Button, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { DirectoryBrowser } from '../../components/browser/directory-browser';
import { Dialog } from '../../components/dialog';
import { destinationIn } from '../../lib/destination';
import { lastName, type PathText, TOP } from '../../lib/names';
import { stageTexts } from '../../texts/stage';
import { destinationOf, type Order } from './order';

interface Props {
  order: Order;
  fault: string | undefined;
  /** Whether the user's area can be looked into; elsewhere the path is only written. */
  canBrowse: boolean;
  onChange: (change: Partial<Order>) => void;
}

const said = stageTexts.destination;

/** Where it goes in the user's area. */
export function DestinationField({ order, fault, canBrowse, onChange }: Props) {
  const [isOpen, { open, close }] = useDisclosure();
  const isMany = order.sources.length > 1;
  return (
    <>
      <TextInput
        label={isMany ? said.many : said.one}
        description={isMany ? said.manyHint : said.oneHint}
        value={destinationOf(order)}
        onChange={({ currentTarget }) => onChange({ destination: currentTarget.value })}
        error={order.sources.length === 0 ? undefined : fault}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      />
      {canBrowse && (
        <Button
          variant="default"
          size="xs"
          onClick={open}
          disabled={order.username === ''}
          style={{ alignSelf: 'start' }}
        >
          {said.choose}
        </Button>
      )}
      <Dialog opened={isOpen} onClose={close} title={said.areaOf(order.username)} size="lg">
        <AreaChooser
          username={order.username}
          onChoose={(directory) => {
            const own = isMany ? '' : lastName(order.sources[0]?.text ?? '');
            onChange({ destination: isMany ? directory : destinationIn(directory, own) });
            close();
          }}
        />
      </Dialog>
    </>
  );
}

function AreaChooser({ username, onChoose }: { username: string; onChoose: (directory: string) => void }) {
  const [path, setPath] = useState<PathText>(TOP);
  return (
    <Stack>
      <DirectoryBrowser
        place={{ area: username, storage: null, username: null, path }}
        top={username}
        label={said.area}
        onOpen={setPath}
        isSelected={() => false}
        onToggle={() => undefined}
        emptyText={said.empty}
      />
      <Button onClick={() => onChoose(path.text)}>
        <Text span truncate inherit>
          {said.put(path.text)}
        </Text>
      </Button>
    </Stack>
  );
}
