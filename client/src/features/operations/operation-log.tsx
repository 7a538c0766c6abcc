import { Badge, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { operationLogQuery } from '../../api/operations';
import { EmptyState, ErrorState, LoadingLines } from '../../components/states';
import { Time } from '../../components/time';
import { showName } from '../../lib/names';
import { operationsTexts } from '../../texts/operations';
import { IconFileText } from '@tabler/icons-react';

const COLORS: Record<string, string> = { ERROR: 'red', WARNING: 'orange', INFO: 'blue', DEBUG: 'gray' };

/** What the service did for one operation, in order. */
export function OperationLog({ id, isLive }: { id: string; isLive: boolean }) {
  const { data, error, isPending } = useQuery(operationLogQuery(id, isLive));
  if (error) return <ErrorState error={error} />;
  if (isPending) return <LoadingLines lines={4} height={24} />;
  const lines = [...data.items].reverse();
  if (lines.length === 0) return <EmptyState icon={<IconFileText aria-hidden />} title={operationsTexts.log.nothing} />;
  return (
    <Stack gap={6} component="ol" style={{ listStyle: 'none', margin: 0, padding: 0 }}>
      {lines.map((line, index) => (
        <li key={`${line.time} ${index}`}>
          <Text size="xs" c="dimmed" span>
            <Time at={line.time} />{' '}
          </Text>
          <Badge size="xs" variant="light" color={COLORS[line.level] ?? 'gray'} radius="sm">
            {line.level}
          </Badge>{' '}
          <Text size="sm" span style={{ overflowWrap: 'anywhere' }}>
            {showName(line.message)}
          </Text>
        </li>
      ))}
    </Stack>
  );
}
