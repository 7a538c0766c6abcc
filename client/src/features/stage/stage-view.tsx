import { Button, Card, Grid, Group, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconInbox } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, lazy, type ReactNode, Suspense, useMemo, useState } from 'react';
import { useLocation } from 'react-router';
import { stageMany, stageOne } from '../../api/staging';
import type { Operation } from '../../api/types';
import { BatchCard } from '../../components/operation/batch-card';
import { OperationCard } from '../../components/operation/operation-card';
import { downloadAddress } from '../../components/operation/operation-result';
import { EmptyState, ErrorState, ViewTitle } from '../../components/states';
import { openAddress } from '../../lib/save-file';
import { useSession } from '../../session/session';
import { texts } from '../../texts/texts';
import { stageTexts } from '../../texts/stage';
import { DestinationField } from './destination-field';
import { MethodCards } from './method-cards';
import { faultsOf, missingOf, needsDestination, type Order, stageOrderOf } from './order';
import { MAX_PLANNED, PlanSummary } from './plan-summary';
import { type Recent, useRecent } from './recent';
import { SourcePicker } from './source-picker';
import { useOrder } from './use-order';

const PLAN_AFTER_MS = 400;

/** Below the fold, and not needed to begin with. */
const AsProgram = lazy(() => import('./as-program').then((module) => ({ default: module.AsProgram })));

/** Choose, see what would happen, stage, watch. */
export function Component() {
  const { config, username } = useSession();
  const { state } = useLocation() as { state: { again?: Operation } | null };
  const [order, change] = useOrder(config, username, state?.again);
  const { recent, add, clear } = useRecent();
  const faults = faultsOf(order, config);
  const isReady = Object.keys(faults).length === 0;
  const request = useMemo(() => stageOrderOf(order, config), [order, config]);
  const [planned] = useDebouncedValue(isReady ? request : null, PLAN_AFTER_MS);
  const [latest, setLatest] = useState<Recent | null>(null);
  const done = (one: Recent) => {
    add(one);
    setLatest(one);
  };
  const earlier = recent.filter(({ id }) => id !== latest?.id);
  return (
    <Stack gap="md">
      <ViewTitle title={texts.nav.stage} />
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Part title={stageTexts.what}>
            <SourcePicker order={order} fault={faults.sources} onChange={change} />
          </Part>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack gap="md">
            <Part title={stageTexts.how}>
              <MethodCards methods={config.methods} value={order.method} onChange={(method) => change({ method })} />
              {faults.method !== undefined && (
                <Text size="sm" c="var(--mantine-color-error)">
                  {faults.method}
                </Text>
              )}
            </Part>
            <Where order={order} faults={faults} change={change} />
            {isReady && planned !== null && planned.items.length <= MAX_PLANNED && <PlanSummary order={planned} />}
            <Submit isReady={isReady} missing={missingOf(faults)} order={order} request={request} onDone={done} />
            {latest !== null && <RecentCard recent={latest} />}
            {isReady && (
              <Suspense fallback={null}>
                <AsProgram order={request} />
              </Suspense>
            )}
          </Stack>
        </Grid.Col>
      </Grid>
      <Group justify="space-between">
        <Title order={2} size="h4">
          {stageTexts.recent}
        </Title>
        {earlier.length > 0 && (
          <Button variant="subtle" size="xs" onClick={clear}>
            {stageTexts.clear}
          </Button>
        )}
      </Group>
      {earlier.length === 0 && latest !== null ? null : earlier.length === 0 ? (
        <EmptyState icon={<IconInbox aria-hidden />} title={stageTexts.nothing}>
          {stageTexts.nothingAdvice}
        </EmptyState>
      ) : (
        <Grid gap="md">
          {earlier.map((one) => (
            <Grid.Col key={one.id} span={{ base: 12, md: 6, xl: 4 }}>
              <RecentCard recent={one} />
            </Grid.Col>
          ))}
        </Grid>
      )}
    </Stack>
  );
}

function RecentCard({ recent: { kind, id } }: { recent: Recent }) {
  return kind === 'batch' ? <BatchCard id={id} /> : <OperationCard id={id} />;
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {title}
        </Title>
        {children}
      </Stack>
    </Card>
  );
}

interface WhereProps {
  order: Order;
  faults: ReturnType<typeof faultsOf>;
  change: (change: Partial<Order>) => void;
}

function Where({ order, faults, change }: WhereProps) {
  const { config, state, username, isOperator } = useSession();
  const mayName = state === 'none' || isOperator || username === null;
  const isJupyter = order.method === 'jupyter_copy';
  return (
    <Part title={stageTexts.where}>
      <TextInput
        label={stageTexts.user}
        description={mayName ? undefined : stageTexts.userFixed}
        value={order.username}
        readOnly={!mayName}
        onChange={({ currentTarget }) => change({ username: currentTarget.value.trim() })}
        error={order.username === '' ? undefined : faults.username}
        autoComplete="username"
        spellCheck={false}
        required
        withAsterisk={false}
      />
      {isJupyter && (
        <TextInput
          label={stageTexts.server}
          description={stageTexts.serverHint}
          value={order.server}
          onChange={({ currentTarget }) => change({ server: currentTarget.value })}
          spellCheck={false}
        />
      )}
      {needsDestination(config, order.method) ? (
        <DestinationField order={order} fault={faults.destination} canBrowse={!isJupyter} onChange={change} />
      ) : (
        <Text size="sm" c="dimmed">
          {stageTexts.download}
        </Text>
      )}
    </Part>
  );
}

interface SubmitProps {
  isReady: boolean;
  /** What has to be done first, in a sentence. */
  missing: string;
  order: Order;
  request: ReturnType<typeof stageOrderOf>;
  onDone: (recent: Recent) => void;
}

function Submit({ isReady, missing, order, request, onDone }: SubmitProps) {
  const queries = useQueryClient();
  const stage = useMutation({
    mutationFn: async () => {
      if (request.items.length > 1) {
        const { batch_id: id } = await stageMany(request);
        return onDone({ kind: 'batch', id });
      }
      const operation = await stageOne(request);
      queries.setQueryData(['operation', operation.id], operation);
      onDone({ kind: 'operation', id: operation.id });
      if (operation.download_url !== null) openAddress(downloadAddress(operation.download_url));
    },
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ['plan'] });
      void queries.invalidateQueries({ queryKey: ['directory'] });
      void queries.invalidateQueries({ queryKey: ['operations'] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isReady && !stage.isPending) stage.mutate();
  };
  const count = request.items.length;
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Button type="submit" size="md" fullWidth disabled={!isReady} loading={stage.isPending}>
          {stageTexts.submit(count, order.method === 'direct_download')}
        </Button>
        {!isReady && (
          <Text size="sm" c="dimmed" ta="center">
            {missing}
          </Text>
        )}
        {stage.error && <ErrorState error={stage.error} title={stageTexts.refused} />}
      </Stack>
    </form>
  );
}
