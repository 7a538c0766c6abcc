import { Button, Group, Stack, Tabs } from '@mantine/core';
import { IconRepeat } from '@tabler/icons-react';
import { Link, useLocation, useNavigate, useParams } from 'react-router';
import { isUnfinished, type Operation } from '../../api/types';
import { OperationActions } from '../../components/operation/operation-actions';
import { OperationProgress } from '../../components/operation/operation-progress';
import { OperationResult } from '../../components/operation/operation-result';
import { StatusBadge } from '../../components/operation/status-badge';
import { useOperation } from '../../components/operation/use-operation';
import { SidePanel } from '../../components/side-panel';
import { ErrorState, LoadingLines } from '../../components/states';
import { lastName, readable } from '../../lib/names';
import { texts } from '../../texts/texts';
import { operationsTexts } from '../../texts/operations';
import { Facts } from './facts';
import { OperationFiles } from './operation-files';
import { OperationLog } from './operation-log';

/** One operation beside the list. It has its own address; closing it goes back to the list as it was filtered. */
export function Component() {
  const { id } = useParams() as { id: string };
  const navigate = useNavigate();
  const { search } = useLocation();
  const { data: operation, error, refetch } = useOperation(id);
  const name = operation ? readable(lastName(operation.local_path_on_storage ?? ''), operation.name_encoding) : '';
  return (
    <SidePanel
      title={name || operationsTexts.panel.title}
      onClose={() => void navigate({ pathname: '/operations', search })}
    >
      <title>{texts.titleOf(name || operationsTexts.panel.title)}</title>
      {operation ? (
        <Whole operation={operation} />
      ) : error ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : (
        <LoadingLines lines={8} />
      )}
    </SidePanel>
  );
}

function Whole({ operation }: { operation: Operation }) {
  const { id, status } = operation;
  const isLive = isUnfinished(status);
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <StatusBadge status={status} />
        <Group gap="xs">
          <OperationActions operation={operation} />
          <Button
            size="xs"
            variant="default"
            component={Link}
            to="/"
            state={{ again: operation }}
            leftSection={<IconRepeat size={14} aria-hidden />}
          >
            {operationsTexts.panel.again}
          </Button>
        </Group>
      </Group>
      <OperationProgress operation={operation} />
      <div aria-live="polite">
        <OperationResult operation={operation} />
      </div>
      <Tabs defaultValue="facts" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="facts">{operationsTexts.panel.facts}</Tabs.Tab>
          <Tabs.Tab value="log">{operationsTexts.panel.log}</Tabs.Tab>
          <Tabs.Tab value="files">{operationsTexts.panel.files}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="facts" pt="sm">
          <Facts operation={operation} />
        </Tabs.Panel>
        <Tabs.Panel value="log" pt="sm">
          <OperationLog id={id} isLive={isLive} />
        </Tabs.Panel>
        <Tabs.Panel value="files" pt="sm">
          <OperationFiles id={id} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}
