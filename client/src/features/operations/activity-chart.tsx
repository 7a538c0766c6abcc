import { Card, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, must } from '../../api/client';
import { asQuery, type OperationFilter } from '../../api/operations';
import { formatCount, formatTime } from '../../lib/format';
import { operationsTexts } from '../../texts/operations';
import { failuresOf, type Stretch, stretchesOf } from './activity';

const LAST = 500;
const STRETCHES = 40;
const WIDTH = 320;
const HEIGHT = 64;
const GAP = 2;
const MAX_CODES = 4;

/** What the last operations were: how many, how much, and why some failed. */
export function ActivityChart({ filter }: { filter: OperationFilter }) {
  const { data } = useQuery({
    queryKey: ['operations', 'last', filter],
    queryFn: ({ signal }) =>
      must(api.GET('/operations', { params: { query: { ...asQuery(filter), limit: LAST } }, signal })),
    refetchInterval: 15_000,
  });
  const operations = data?.items ?? [];
  if (operations.length < 2) return null;
  const stretches = stretchesOf(operations, STRETCHES, Date.now());
  const failures = failuresOf(operations);
  const bytes = operations.reduce((sum, { bytes_done: done }) => sum + (done ?? 0), 0);
  const failed = failures.reduce((sum, { count }) => sum + count, 0);
  const since = formatTime(new Date(stretches[0]!.from).toISOString());
  const said = operationsTexts.chart;
  const amount = said.amount(operations.length, since, Boolean(data?.next_cursor));
  return (
    <SimpleGrid cols={3} spacing="sm" visibleFrom="sm">
      <Card withBorder padding="sm">
        <Text size="sm" fw={600}>
          {amount}
        </Text>
        <Bars
          label={said.amountAloud(amount, failed)}
          stretches={stretches}
          parts={[
            ['done', 'var(--mantine-color-teal-6)'],
            ['other', 'var(--mantine-color-gray-5)'],
            ['failed', 'var(--mantine-color-red-6)'],
          ]}
        />
      </Card>
      <Card withBorder padding="sm">
        <Text size="sm" fw={600}>
          {said.moved(bytes)}
        </Text>
        <Bars
          label={said.movedAloud(bytes)}
          stretches={stretches}
          parts={[['bytes', 'var(--mantine-primary-color-filled)']]}
        />
      </Card>
      <Card withBorder padding="sm">
        <Text size="sm" fw={600}>
          {said.failed(failed)}
        </Text>
        <Stack gap={2} mt={4}>
          {failures.slice(0, MAX_CODES).map(({ code, count }) => (
            <Group key={code} justify="space-between" wrap="nowrap">
              <Text size="sm" truncate>
                {said.reason(code)}
              </Text>
              <Text size="sm">{formatCount(count)}</Text>
            </Group>
          ))}
        </Stack>
      </Card>
    </SimpleGrid>
  );
}

type Part = readonly ['done' | 'other' | 'failed' | 'bytes', string];

function Bars({ label, stretches, parts }: { label: string; stretches: Stretch[]; parts: Part[] }) {
  const total = (stretch: Stretch) => parts.reduce((sum, [name]) => sum + stretch[name], 0);
  const highest = Math.max(1, ...stretches.map(total));
  const width = WIDTH / stretches.length;
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      height={HEIGHT}
      width="100%"
    >
      {stretches.map((stretch, index) => {
        let top = HEIGHT;
        return parts.map(([name, color]) => {
          const height = (stretch[name] / highest) * HEIGHT;
          top -= height;
          return (
            <rect
              key={`${stretch.from} ${name}`}
              x={index * width}
              y={top}
              width={width - GAP}
              height={height}
              fill={color}
            />
          );
        });
      })}
      <line x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke="var(--mantine-color-default-border)" />
    </svg>
  );
}
