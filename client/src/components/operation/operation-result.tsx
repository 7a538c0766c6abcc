import { Alert, Anchor, Button, Group, Stack, Text } from '@mantine/core';
import { IconDownload, IconExternalLink } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { renewDownload } from '../../api/operations';
import type { Operation, Status } from '../../api/types';
import { SERVICE_PATH } from '../../config/base';
import { formatBytes, plural } from '../../lib/format';
import { openAddress } from '../../lib/save-file';
import { useSession } from '../../session/session';
import { adviceFor } from '../../texts/advice';
import { CopyText } from '../copy-text';
import { PathText } from '../path-text';
import { operationTexts } from '../../texts/operation';

/** What an operation came to, and what can be done with it. */
export function OperationResult({ operation }: { operation: Operation }) {
  const { status } = operation;
  if (status === 'failure') return <Failure operation={operation} />;
  if (status === 'success') return <Success operation={operation} />;
  return null;
}

function Failure({ operation: { error_code: code, error_reason: reason, id } }: { operation: Operation }) {
  const advice = adviceFor(code);
  return (
    <Alert color="red" variant="light" title={reason ?? operationTexts.noReason}>
      {advice !== null && <Text size="sm">{advice}</Text>}
      <Text size="xs" c="dimmed" mt={4}>
        {operationTexts.failure(code, id)}
      </Text>
    </Alert>
  );
}

function Success({ operation }: { operation: Operation }) {
  const { warning, staged_path: path, method } = operation;
  return (
    <Stack gap={6}>
      <Text size="sm">{summaryOf(operation)}</Text>
      {operation.released_at === null && path !== null && (
        <Group gap={4} wrap="nowrap">
          <PathText path={path} encoding={operation.name_encoding} />
          <CopyText text={path} what={operationTexts.stagedPath} />
        </Group>
      )}
      {warning !== null && (
        <Alert color="orange" variant="light">
          {warning}
        </Alert>
      )}
      {method === 'direct_download' && <DownloadLink operation={operation} />}
      {method === 'jupyter_copy' && <JupyterLink operation={operation} />}
    </Stack>
  );
}

function summaryOf({ outcome, released_at: released, ...operation }: Operation): string {
  if (released !== null) return operationTexts.released;
  if (outcome === 'already_present') {
    const same = operation.matches_source;
    if (same === null) return operationTexts.present;
    return same ? operationTexts.presentSame : operationTexts.presentOther;
  }
  if (operation.method === 'direct_download') return operationTexts.readyToDownload;
  const files = operation.files_done === null ? '' : plural(operation.files_done, 'file');
  const bytes = operation.bytes_done === null ? '' : formatBytes(operation.bytes_done);
  const time = secondsOf(operation);
  const parts = [files, bytes, time === null ? '' : operationTexts.took(time)].filter((part) => part !== '');
  const checked = operation.checksum ? operationTexts.verified(operation.checksum.algorithm) : '';
  return `${parts.join(', ')}${checked}.`;
}

function secondsOf({ started_at: started, finished_at: finished }: Pick<Operation, 'started_at' | 'finished_at'>) {
  return started === null || finished === null ? null : (Date.parse(finished) - Date.parse(started)) / 1000;
}

/** The address of a link, whether it is told with or without the service's own. */
export function downloadAddress(url: string): string {
  return url.startsWith('/') && !url.startsWith(`${SERVICE_PATH}/`) ? `${SERVICE_PATH}${url}` : url;
}

function DownloadLink({ operation }: { operation: Operation }) {
  const renew = useMutation({
    mutationFn: () => renewDownload(operation.id),
    onSuccess: ({ download_url: url }) => openAddress(downloadAddress(url)),
  });
  return (
    <Group gap="xs">
      <Button
        size="xs"
        leftSection={<IconDownload size={14} aria-hidden />}
        loading={renew.isPending}
        onClick={() => renew.mutate()}
      >
        {operationTexts.download(operation.bytes_total)}
      </Button>
      {renew.error && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {renew.error.message}
        </Text>
      )}
    </Group>
  );
}

function JupyterLink({ operation: { relative_path: path, server } }: { operation: Operation }) {
  const hub = useSession().config.jupyterhub_url;
  if (hub === null || path === null) return null;
  const where = path.split('/').map(encodeURIComponent).join('/');
  const base = `${hub.replace(/\/$/, '')}/hub/user-redirect/lab/tree/${where}`;
  // A named server has no address that is the same for every user.
  if (server !== null) return null;
  return (
    <Anchor href={base} target="_blank" rel="noopener noreferrer" size="sm">
      {operationTexts.openInJupyter} <IconExternalLink size={14} aria-hidden />
    </Anchor>
  );
}

/** Counts of a batch in words. */
export function countsText(counts: Record<string, number>): string {
  const statuses = Object.keys(operationTexts.batch.counts) as Status[];
  const parts = statuses.flatMap((one) => (counts[one] ? [operationTexts.batch.count(one, counts[one])] : []));
  return parts.join(', ') || operationTexts.batch.empty;
}
