import { Anchor, Card, Group, Progress, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { readinessQuery } from '../../api/site';
import type { SiteConfig } from '../../api/types';
import { ErrorState, LoadingLines, ViewTitle } from '../../components/states';
import { SERVICE_PATH } from '../../config/base';
import { formatBytes, formatCount, formatDuration } from '../../lib/format';
import { useSession } from '../../session/session';
import { methodName, texts } from '../../texts/texts';
import { siteTexts } from '../../texts/site';
import { StateBadge } from './state-badge';

/** What this site has and offers, and whether all of it works. */
export function Component() {
  const { config } = useSession();
  return (
    <Stack gap="md">
      <Group justify="space-between" align="baseline">
        <ViewTitle title={siteTexts.title} />
        <Text c="dimmed" size="sm">
          {siteTexts.version(config.version)}
          <Anchor href={`${SERVICE_PATH}/docs`}>{texts.nav.docs}</Anchor> ·{' '}
          <Anchor href={`${SERVICE_PATH}/openapi.json`}>{siteTexts.document}</Anchor>
        </Text>
      </Group>
      <Health />
      <Storages config={config} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Methods config={config} />
        <Limits config={config} />
      </SimpleGrid>
    </Stack>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      {children}
    </Card>
  );
}

function Health() {
  const { data, error, refetch, isPending } = useQuery(readinessQuery);
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (isPending) return <LoadingLines lines={2} height={48} />;
  const { service, database, queue, user_areas: areas, storages, methods } = data.checks;
  const checks = [
    { name: siteTexts.health.service, ...service },
    { name: siteTexts.health.database, ...database },
    { name: siteTexts.health.queue, ...queue },
    { name: siteTexts.health.areas, ...areas },
    ...storages.map((one) => ({ ...one, name: siteTexts.health.storage(one.name) })),
    ...methods.map((one) => ({ ...one, name: methodName(one.name) })),
  ];
  return (
    <Section title={siteTexts.health.title}>
      <Group gap="lg">
        {checks.map(({ name, status, detail }) => (
          <Stack key={name} gap={2}>
            <Group gap={6}>
              <Text size="sm" fw={600}>
                {name}
              </Text>
              <StateBadge isUp={status === 'up'} />
            </Group>
            {detail !== null && (
              <Text size="xs" c="dimmed" maw={320}>
                {detail}
              </Text>
            )}
          </Stack>
        ))}
      </Group>
      {data.warnings.map((warning) => (
        <Text key={warning} size="sm" mt="xs">
          {warning}
        </Text>
      ))}
    </Section>
  );
}

function Storages({ config }: { config: SiteConfig }) {
  const rows = [
    ...config.storages.map((one) => ({ ...one, title: one.name })),
    { ...config.user_areas, title: siteTexts.health.areas, hard_link: null, clone: null, note: null },
  ];
  return (
    <Section title={siteTexts.storages.title}>
      <Table.ScrollContainer
        minWidth={560}
        type="native"
        tabIndex={0}
        role="region"
        aria-label={siteTexts.storages.table}
      >
        <Table verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{siteTexts.storages.name}</Table.Th>
              <Table.Th>{siteTexts.storages.state}</Table.Th>
              <Table.Th>{siteTexts.storages.free}</Table.Th>
              <Table.Th>{siteTexts.storages.links}</Table.Th>
              <Table.Th>{siteTexts.storages.clones}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(({ title, path, available, problem, free_bytes: free, total_bytes: total, note, ...pair }) => (
              <Table.Tr key={title}>
                <Table.Td>
                  <Text size="sm" fw={600}>
                    {title}
                  </Text>
                  {path !== null && (
                    <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                      {path}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>
                  <StateBadge isUp={available} />
                  {(problem ?? note) !== null && (
                    <Text size="xs" c="dimmed">
                      {problem ?? note}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>
                  <Free free={free} total={total} />
                </Table.Td>
                <Table.Td>{answerOf(pair.hard_link)}</Table.Td>
                <Table.Td>{answerOf(pair.clone)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  );
}

function answerOf(can: boolean | null): string {
  if (can === null) return siteTexts.storages.unknown;
  return can ? siteTexts.storages.possible : siteTexts.storages.impossible;
}

function Free({ free, total }: { free: number | null; total: number | null }) {
  if (free === null || total === null) return <>{siteTexts.storages.unknown}</>;
  return (
    <Stack gap={4} miw={140}>
      <Text size="sm">{siteTexts.storages.part(formatBytes(free), formatBytes(total))}</Text>
      <Progress value={(100 * (total - free)) / Math.max(1, total)} size="xs" aria-label={siteTexts.storages.used} />
    </Stack>
  );
}

function Methods({ config }: { config: SiteConfig }) {
  return (
    <Section title={siteTexts.methods}>
      <Stack gap="xs">
        {config.methods.map(({ name, description, available, problem }) => (
          <div key={name}>
            <Group gap={6}>
              <Text size="sm" fw={600}>
                {methodName(name)}
              </Text>
              <Text size="xs" c="dimmed" ff="monospace">
                {name}
              </Text>
              {available !== null && <StateBadge isUp={available} />}
            </Group>
            <Text size="sm" c="dimmed">
              {description}
            </Text>
            {problem !== null && (
              <Text size="sm" c="var(--mantine-color-error)">
                {problem}
              </Text>
            )}
          </div>
        ))}
      </Stack>
    </Section>
  );
}

function Limits({
  config: { limits, checksum, link_fallback: fallback, source_access: access },
}: {
  config: SiteConfig;
}) {
  const names = siteTexts.limits;
  const orNone = (limit: number, text = formatCount(limit)) => (limit === 0 ? names.none : text);
  const rows: [string, string][] = [
    [names.files, orNone(limits.max_tree_files)],
    [names.bytes, orNone(limits.max_operation_bytes, formatBytes(limits.max_operation_bytes))],
    [names.items, orNone(limits.max_batch_items)],
    [names.running, formatCount(limits.max_running)],
    [names.runningPerUser, orNone(limits.max_running_per_user)],
    [names.queuedPerUser, orNone(limits.max_queued_per_user)],
    [names.link, formatDuration(limits.download_url_ttl_seconds)],
    [names.checksum, checksum],
    [names.fallback, names.fallbacks[fallback] ?? fallback],
    [names.access, access === 'user' ? names.accessOfUser : names.accessOfService],
  ];
  return (
    <Section title={names.title}>
      <Table verticalSpacing={4}>
        <Table.Tbody>
          {rows.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row" fw={400}>
                {name}
              </Table.Th>
              <Table.Td ta="end">{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  );
}
