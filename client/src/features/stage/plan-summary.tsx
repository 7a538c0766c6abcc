import { Alert, Group, List, Loader, Text } from '@mantine/core';
import { IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { planOf, type StageOrder } from '../../api/staging';
import type { Plan } from '../../api/types';
import { PathText } from '../../components/path-text';
import { ErrorState } from '../../components/states';
import { stageTexts } from '../../texts/stage';

/** Items of a plan that are told one by one. */
const MAX_TOLD = 5;
/** Larger orders are not planned before the click: it would take as long as the work. */
export const MAX_PLANNED = 200;

const said = stageTexts.plan;

/** What would happen, before the click. */
export function PlanSummary({ order }: { order: StageOrder }) {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['plan', order],
    queryFn: ({ signal }) => planOf(order, signal),
    staleTime: 15_000,
    retry: false,
  });
  if (error) return <ErrorState error={error} title={said.failed} onRetry={() => void refetch()} />;
  if (!data) {
    return (
      <Group gap="xs" role="status">
        <Loader size="xs" aria-hidden />
        <Text size="sm" c="dimmed">
          {isFetching ? said.looking : ''}
        </Text>
      </Group>
    );
  }
  return <Told plan={data} />;
}

function Told({ plan: { items, totals } }: { plan: Plan }) {
  const refused = items.filter(({ action }) => action === 'refused');
  const remarks = items.filter(({ remark }) => remark !== null);
  const isWrong = refused.length > 0 || totals.enough_space === false;
  return (
    <Alert
      color={isWrong ? 'orange' : 'water'}
      variant="light"
      icon={isWrong ? <IconAlertTriangle aria-hidden /> : <IconInfoCircle aria-hidden />}
      title={sentenceOf(totals)}
      role="status"
    >
      {totals.enough_space === false && <Text size="sm">{said.noSpace}</Text>}
      {(refused.length > 0 || remarks.length > 0) && (
        <List size="sm" spacing={2}>
          {[...refused, ...remarks].slice(0, MAX_TOLD).map((item) => (
            <List.Item key={item.index}>
              {items.length > 1 && (
                <>
                  <PathText path={item.local_path_on_storage} encoding={item.name_encoding} />:{' '}
                </>
              )}
              {item.error_reason ?? item.remark}
            </List.Item>
          ))}
        </List>
      )}
      {refused.length > MAX_TOLD && <Text size="sm">{said.more(refused.length - MAX_TOLD)}</Text>}
    </Alert>
  );
}

function sentenceOf({ items, files, bytes, space_left_after: left }: Plan['totals']): string {
  const verbs = said.actions.filter(([action]) => items[action] > 0).map(([, verb]) => verb);
  const parts: string[] = [];
  if (verbs.length > 0) parts.push(said.does(verbs, bytes, files));
  if (items.none > 0) parts.push(said.present(items.none));
  if (items.unknown > 0) parts.push(said.unknown(items.unknown));
  if (items.refused > 0) parts.push(said.refused(items.refused));
  if (left !== null && verbs.length > 0) parts.push(said.left(left));
  return parts.length === 0 ? said.nothing : parts.join('; ');
}
