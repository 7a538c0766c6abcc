import { Group, Progress, Stack, Text, VisuallyHidden } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { Operation } from '../../api/types';
import { formatBytes, formatRate, percentOf } from '../../lib/format';
import { PathText } from '../path-text';
import { operationTexts } from '../../texts/operation';

/** A change is announced so often at most: who listens must be able to do something else. */
const ANNOUNCE_STEP = 25;

/** How far an operation is; nothing for one that waits and has no reason to. */
export function OperationProgress({ operation }: { operation: Operation }) {
  const { status, bytes_done: done, bytes_total: total, wait_reason: reason } = operation;
  const announced = useAnnouncement(operation);
  if (status === 'queued')
    return reason === null ? null : (
      <Text size="sm" c="dimmed">
        {reason}
      </Text>
    );
  if (status !== 'running') return null;
  const isKnown = total !== null && total > 0;
  const percent = isKnown ? percentOf(done ?? 0, total) : 100;
  return (
    <Stack gap={4}>
      <Progress.Root size="lg" radius="sm">
        <Progress.Section value={percent} animated={!isKnown} striped={!isKnown} aria-label={operationTexts.progress} />
      </Progress.Root>
      <Group justify="space-between" gap="xs">
        <Text size="sm">{amountText(operation)}</Text>
        <Text size="sm" c="dimmed">
          {rateText(operation)}
        </Text>
      </Group>
      {operation.current_path !== null && (
        <Text size="xs" c="dimmed" component="div">
          <PathText path={operation.current_path} encoding={operation.name_encoding} oneLine />
        </Text>
      )}
      <VisuallyHidden role="status">{announced}</VisuallyHidden>
    </Stack>
  );
}

function amountText({ bytes_done: done, bytes_total: total, files_done: files, files_total: all }: Operation): string {
  const bytes =
    total === null ? formatBytes(done ?? 0) : operationTexts.part(formatBytes(done ?? 0), formatBytes(total));
  if (all === null || all <= 1) return bytes;
  return `${bytes}, ${operationTexts.files(files ?? 0, all)}`;
}

function rateText({ bytes_per_second: rate, eta_seconds: eta }: Operation): string {
  const parts = [rate === null ? '' : formatRate(rate), eta === null ? '' : operationTexts.left(eta)];
  return parts.filter((part) => part !== '').join(', ');
}

function useAnnouncement({ bytes_done: done, bytes_total: total }: Operation): string {
  const [said, setSaid] = useState('');
  const step = total ? Math.floor(percentOf(done ?? 0, total) / ANNOUNCE_STEP) * ANNOUNCE_STEP : 0;
  useEffect(() => {
    if (step > 0) setSaid(operationTexts.announced(step));
  }, [step]);
  return said;
}
