import { Alert, Badge, Button, Group, SegmentedControl, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconDownload, IconFileText, IconPlayerPause, IconPlayerPlay, IconSearch } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { request } from '../../api/client';
import { EmptyState, ErrorState, ViewTitle } from '../../components/states';
import { saveFile } from '../../lib/save-file';
import { useSession } from '../../session/session';
import { logTexts } from '../../texts/logs';
import { texts } from '../../texts/texts';
import { LogList } from './log-list';
import type { LiveState } from './log-socket';
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
      <EmptyState icon={<IconFileText aria-hidden />} title={logTexts.forOperators}>
        {logTexts.forOperatorsAdvice(texts.nav.operations)}
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
          {logTexts.download}
        </Button>
      </Group>
      <Group gap="sm" align="center">
        <SegmentedControl aria-label={logTexts.level} data={LEVELS} value={level} onChange={setLevel} />
        <TextInput
          aria-label={logTexts.text}
          placeholder={logTexts.text}
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
          {isPaused ? logTexts.goOn(log.missed) : logTexts.pause}
        </Button>
        <Switch
          label={logTexts.follow}
          checked={isFollowing}
          onChange={({ currentTarget }) => setIsFollowing(currentTarget.checked)}
        />
      </Group>
      <Refusal state={log.state} detail={log.detail} />
      {save.error && <ErrorState error={save.error} title={logTexts.notSaved} />}
      {log.lines.length === 0 ? (
        <EmptyState
          icon={<IconFileText aria-hidden />}
          title={log.state === 'live' ? logTexts.nothing : logTexts.looking}
        >
          {log.state === 'live' ? logTexts.nothingAdvice : undefined}
        </EmptyState>
      ) : (
        <LogList
          lines={log.lines}
          isFollowing={isFollowing}
          onFollow={setIsFollowing}
          loadOlder={log.loadOlder}
          onSearch={setTyped}
        />
      )}
      <Text size="xs" c="dimmed">
        {logTexts.lines(log.lines.length, log.dropped)}
      </Text>
    </Stack>
  );
}

/** Why nothing comes, where the service told. */
function Refusal({ state, detail }: { state: LiveState; detail: string | null }) {
  if (state !== 'refused' && state !== 'waiting') return null;
  const color = state === 'refused' ? 'red' : 'orange';
  return (
    <Alert color={color} variant="light" role="alert" title={logTexts.refused}>
      {detail}
      {state === 'waiting' && <Text size="sm">{logTexts.triedAgain}</Text>}
    </Alert>
  );
}

function LiveBadge({ state, isPaused }: { state: LiveState; isPaused: boolean }) {
  const { connecting, paused, live } = logTexts.state;
  const word = state !== 'live' ? connecting : isPaused ? paused : live;
  const color = state !== 'live' ? 'orange' : isPaused ? 'gray' : 'teal';
  return (
    <Badge role="status" variant="light" color={color} tt="none" radius="sm">
      {word}
    </Badge>
  );
}
