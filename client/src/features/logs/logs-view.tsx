import { Alert, Badge, Button, Group, SegmentedControl, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconDownload, IconFileText, IconPlayerPause, IconPlayerPlay, IconSearch } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { request } from '../../api/client';
import { EmptyState, ErrorState, ViewTitle } from '../../components/states';
import { formatCount } from '../../lib/format';
import { saveFile } from '../../lib/save-file';
import { useSession } from '../../session/session';
import { texts } from '../../texts/texts';
import { LogList } from './log-list';
import { useLog } from './use-log';

const TYPED_AFTER_MS = 300;
const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR'];

/** The log of the service, as it happens. */
export function Component() {
  const { isOperator } = useSession();
  if (isOperator) return <Logs />;
  return (
    <Stack gap="md">
      <ViewTitle title={texts.nav.logs} />
      <EmptyState icon={<IconFileText aria-hidden />} title="The log is for operators">
        What the service did for an operation of yours stands with it, under {texts.nav.operations}.
      </EmptyState>
    </Stack>
  );
}

function Logs() {
  const [level, setLevel] = useState('INFO');
  const [typed, setTyped] = useState('');
  const [q] = useDebouncedValue(typed, TYPED_AFTER_MS);
  const [isPaused, setIsPaused] = useState(false);
  const [isFollowing, setIsFollowing] = useState(true);
  const log = useLog({ level, q }, isPaused);
  const save = useMutation({
    mutationFn: async () => {
      const answer = await request('/logs', { headers: { Accept: 'text/plain' } });
      saveFile('staging_service.log', await answer.blob(), 'text/plain');
    },
  });
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Group gap="sm">
          <ViewTitle title={texts.nav.logs} />
          <LiveBadge state={log.state} isPaused={isPaused} />
        </Group>
        <Button
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
          loading={save.isPending}
          onClick={() => save.mutate()}
        >
          Download
        </Button>
      </Group>
      <Group gap="sm" align="center">
        <SegmentedControl aria-label="Lowest level" data={LEVELS} value={level} onChange={setLevel} />
        <TextInput
          aria-label="Text in the line"
          placeholder="Text in the line"
          leftSection={<IconSearch size={16} aria-hidden />}
          value={typed}
          maxLength={1000}
          onChange={({ currentTarget }) => setTyped(currentTarget.value)}
        />
        <Button
          variant="default"
          aria-pressed={isPaused}
          leftSection={isPaused ? <IconPlayerPlay size={16} aria-hidden /> : <IconPlayerPause size={16} aria-hidden />}
          onClick={() => setIsPaused(!isPaused)}
        >
          {isPaused ? `Go on${log.missed > 0 ? ` (${formatCount(log.missed)} new)` : ''}` : 'Pause'}
        </Button>
        <Switch
          label="Follow"
          checked={isFollowing}
          onChange={({ currentTarget }) => setIsFollowing(currentTarget.checked)}
        />
      </Group>
      {log.state === 'refused' && (
        <Alert color="red" variant="light" role="alert" title="The log is not shown">
          {log.detail}
        </Alert>
      )}
      {save.error && <ErrorState error={save.error} title="The log was not saved" />}
      {log.entries.length === 0 ? (
        <EmptyState
          icon={<IconFileText aria-hidden />}
          title={log.state === 'live' ? 'No line fits so far' : 'Looking at the log'}
        >
          {log.state === 'live' ? 'Lines appear here as they happen.' : undefined}
        </EmptyState>
      ) : (
        <LogList entries={log.entries} isFollowing={isFollowing} onFollow={setIsFollowing} loadOlder={log.loadOlder} />
      )}
      <Text size="xs" c="dimmed">
        {formatCount(log.entries.length)} lines
        {log.dropped > 0 &&
          `; ${formatCount(log.dropped)} came faster than this page could take them, and are in the file`}
      </Text>
    </Stack>
  );
}

function LiveBadge({ state, isPaused }: { state: string; isPaused: boolean }) {
  const word = state !== 'live' ? 'Connecting' : isPaused ? 'Paused' : 'Live';
  const color = state !== 'live' ? 'orange' : isPaused ? 'gray' : 'teal';
  return (
    <Badge role="status" variant="light" color={color} tt="none" radius="sm">
      {word}
    </Badge>
  );
}
