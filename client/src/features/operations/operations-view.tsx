import { Anchor, Group, Stack, Text } from '@mantine/core';
import { IconListSearch } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { Link, Outlet } from 'react-router';
import { operationsQuery } from '../../api/operations';
import { BatchCard } from '../../components/operation/batch-card';
import { EmptyState, ErrorState, LoadingLines, ViewTitle } from '../../components/states';
import { batchTexts } from '../../texts/batches';
import { texts } from '../../texts/texts';
import { operationsTexts } from '../../texts/operations';
import { ActivityChart } from './activity-chart';
import { ExportMenu } from './export-menu';
import { useFilter } from './filter';
import { FilterBar } from './filter-bar';
import { OperationsTable } from './operations-table';

/** All that was staged, and what became of it. */
export function Component() {
  const { filter, change, clear, isFiltered } = useFilter();
  const { data, error, refetch, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(
    operationsQuery(filter),
  );
  const operations = useMemo(() => {
    const known = new Map(data?.pages.flatMap(({ items }) => items.map((one) => [one.id, one] as const)));
    return [...known.values()];
  }, [data]);
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <ViewTitle title={texts.nav.operations} />
        <Group gap="md">
          <Anchor component={Link} to="/operations/batches" size="sm">
            {batchTexts.link}
          </Anchor>
          <ExportMenu filter={filter} />
        </Group>
      </Group>
      <FilterBar filter={filter} isFiltered={isFiltered} change={change} clear={clear} />
      {filter.batch !== '' && <BatchCard id={filter.batch} heading="h2" />}
      <ActivityChart filter={filter} />
      {error && operations.length === 0 ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : isPending ? (
        <LoadingLines lines={10} height={40} />
      ) : operations.length === 0 ? (
        <EmptyState
          icon={<IconListSearch aria-hidden />}
          title={isFiltered ? operationsTexts.nothingFits : operationsTexts.nothing}
        >
          {isFiltered ? operationsTexts.nothingFitsAdvice : <Link to="/">{operationsTexts.nothingAdvice}</Link>}
        </EmptyState>
      ) : (
        <>
          <OperationsTable operations={operations} onEnd={loadMore} />
          <Text size="xs" c="dimmed">
            {hasNextPage ? operationsTexts.soFar(operations.length) : operationsTexts.inAll(operations.length)}
          </Text>
        </>
      )}
      <Outlet />
    </Stack>
  );
}
