import { Button, Group, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, must } from '../../api/client';
import { actOnOperation, operationQuery, type OperationAction } from '../../api/operations';
import { isUnfinished, type Operation } from '../../api/types';
import { Dialog } from '../dialog';
import { operationTexts } from '../../texts/operation';

/** What can be done with an operation as it stands. */
export function actionsFor({ status, method, outcome, released_at: released }: Operation): OperationAction[] {
  if (isUnfinished(status)) return ['cancel'];
  if (status === 'failure' || status === 'cancelled') return ['retry'];
  const wasPlaced = method !== 'direct_download' && outcome === 'staged' && released === null;
  return wasPlaced ? ['release'] : [];
}

const LOOK_MS = 500;
const MAX_LOOKS = 60;

/** A release is accepted at once and done a moment later, which no stream of events tells. */
async function untilReleased(id: string): Promise<void> {
  for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
    const { released_at: released } = await must(api.GET('/operations/{id}', { params: { path: { id } } }));
    if (released !== null) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Buttons for what can be done with an operation. */
export function OperationActions({ operation }: { operation: Operation }) {
  const queries = useQueryClient();
  const [isAsking, { open: ask, close: stopAsking }] = useDisclosure();
  const act = useMutation({
    mutationFn: async (action: OperationAction) => {
      await actOnOperation(operation.id, action);
      if (action === 'release') await untilReleased(operation.id);
    },
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: operationQuery(operation.id).queryKey });
      void queries.invalidateQueries({ queryKey: ['operations'] });
    },
  });
  const actions = actionsFor(operation);
  return (
    <Group gap="xs">
      {actions.map((action) => (
        <Button
          key={action}
          size="xs"
          variant={action === 'cancel' ? 'light' : 'default'}
          color={action === 'cancel' ? 'red' : undefined}
          loading={act.isPending}
          onClick={() => (action === 'release' ? ask() : act.mutate(action))}
        >
          {operationTexts.actions[action]}
        </Button>
      ))}
      <Dialog opened={isAsking} onClose={stopAsking} title={operationTexts.release.title}>
        <Stack>
          <Text size="sm">{operationTexts.release.about}</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={stopAsking}>
              {operationTexts.release.keep}
            </Button>
            <Button
              color="red"
              onClick={() => {
                stopAsking();
                act.mutate('release');
              }}
            >
              {operationTexts.release.remove}
            </Button>
          </Group>
        </Stack>
      </Dialog>
      {act.error && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {act.error.message}
        </Text>
      )}
    </Group>
  );
}
