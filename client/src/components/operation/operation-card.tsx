import { Anchor, Card, Group, Stack, Text } from '@mantine/core';
import { Link } from 'react-router';
import { lastName, readable } from '../../lib/names';
import { methodName } from '../../texts/texts';
import { PathText } from '../path-text';
import { ErrorState, LoadingLines } from '../states';
import { Time } from '../time';
import { operationTexts } from '../../texts/operation';
import { OperationActions } from './operation-actions';
import { OperationProgress } from './operation-progress';
import { OperationResult } from './operation-result';
import { StatusBadge } from './status-badge';
import { useOperation } from './use-operation';

/** One operation, live, from its acceptance to what it came to. */
export function OperationCard({ id }: { id: string }) {
  const { data: operation, error, refetch } = useOperation(id);
  if (!operation) {
    return (
      <Card withBorder>
        {error ? <ErrorState error={error} onRetry={() => void refetch()} /> : <LoadingLines lines={2} />}
      </Card>
    );
  }
  const path = operation.local_path_on_storage ?? '';
  return (
    <Card withBorder component="article" aria-label={`${methodName(operation.method)} ${lastName(path)}`}>
      <Stack gap="xs">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Text fw={600} component="h3" size="sm" style={{ overflowWrap: 'anywhere' }}>
            <bdi>{readable(lastName(path), operation.name_encoding)}</bdi>
          </Text>
          <StatusBadge status={operation.status} />
        </Group>
        <Text size="xs" c="dimmed" component="div">
          {operationTexts.of(methodName(operation.method))}
          <PathText path={path} encoding={operation.name_encoding} />
          {operationTexts.for(operation.username)}
          {operation.created_at !== null && (
            <>
              {', '}
              <Time at={operation.created_at} />
            </>
          )}
        </Text>
        <OperationProgress operation={operation} />
        <div aria-live="polite">
          <OperationResult operation={operation} />
        </div>
        <Group justify="space-between" align="center">
          <OperationActions operation={operation} />
          <Anchor component={Link} to={`/operations/${id}`} size="sm">
            {operationTexts.details}
          </Anchor>
        </Group>
      </Stack>
    </Card>
  );
}
