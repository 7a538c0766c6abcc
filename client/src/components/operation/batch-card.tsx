import { Anchor, Button, Card, Group, Progress, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import { actOnBatch, batchQuery } from '../../api/operations';
import type { Batch, Status } from '../../api/types';
import { formatBytes } from '../../lib/format';
import { methodName } from '../../texts/texts';
import { ErrorState, LoadingLines } from '../states';
import { Time } from '../time';
import { operationTexts } from '../../texts/operation';
import { countsText } from './operation-result';

const COLORS = { success: 'teal', failure: 'red', cancelled: 'orange', running: 'blue' } as const;

/** A batch: how many of it have come to what. `heading` is its place among the headings of the view. */
export function BatchCard({ id, heading = 'h3' }: { id: string; heading?: 'h2' | 'h3' }) {
  const { data: batch, error, refetch } = useQuery(batchQuery(id));
  return (
    <Card withBorder component="article" aria-label={operationTexts.batch.name}>
      {batch ? (
        <Counts batch={batch} heading={heading} />
      ) : error ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : (
        <LoadingLines lines={2} />
      )}
    </Card>
  );
}

function Counts({ batch, heading }: { batch: Batch; heading: 'h2' | 'h3' }) {
  const counts = batch.counts as Record<string, number>;
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Text fw={600} component={heading} size="sm">
          {operationTexts.batch.title(all)}
        </Text>
        <Anchor component={Link} to={`/operations?batch=${batch.batch_id}`} size="sm">
          {operationTexts.batch.each}
        </Anchor>
      </Group>
      <Text size="xs" c="dimmed" component="div">
        {operationTexts.batch.for(methodName(batch.method), batch.username)}
        <Time at={batch.created_at} />
      </Text>
      <Progress.Root size="lg" radius="sm">
        {Object.entries(COLORS).map(([status, color]) => (
          <Progress.Section
            key={status}
            value={all === 0 ? 0 : (100 * (counts[status] ?? 0)) / all}
            color={color}
            aria-label={operationTexts.batch.count(status as Status, counts[status] ?? 0)}
          />
        ))}
      </Progress.Root>
      <Group justify="space-between">
        <Text size="sm" aria-live="polite">
          {countsText(counts)}
        </Text>
        <Text size="sm" c="dimmed">
          {batch.bytes_total > batch.bytes_done
            ? operationTexts.part(formatBytes(batch.bytes_done), formatBytes(batch.bytes_total))
            : formatBytes(batch.bytes_done)}
        </Text>
      </Group>
      <Actions batch={batch} />
    </Stack>
  );
}

function Actions({ batch: { batch_id: id, counts, finished_at: finished } }: { batch: Batch }) {
  const queries = useQueryClient();
  const act = useMutation({
    mutationFn: (action: 'cancel' | 'retry') => actOnBatch(id, action),
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: batchQuery(id).queryKey });
      void queries.invalidateQueries({ queryKey: ['operations'] });
    },
  });
  const canRetry = counts.failure + counts.cancelled > 0;
  return (
    <Group gap="xs">
      {finished === null && (
        <Button size="xs" variant="light" color="red" loading={act.isPending} onClick={() => act.mutate('cancel')}>
          {operationTexts.batch.cancel}
        </Button>
      )}
      {canRetry && (
        <Button size="xs" variant="default" loading={act.isPending} onClick={() => act.mutate('retry')}>
          {operationTexts.batch.retry}
        </Button>
      )}
      {act.error && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {act.error.message}
        </Text>
      )}
    </Group>
  );
}
