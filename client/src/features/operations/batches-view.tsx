import { Anchor, Button, Grid, Group, Stack } from '@mantine/core';
import { IconStack2 } from '@tabler/icons-react';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import { batchesQuery } from '../../api/operations';
import { BatchCard } from '../../components/operation/batch-card';
import { EmptyState, ErrorState, LoadingLines, ViewTitle } from '../../components/states';
import { batchTexts } from '../../texts/batches';

/** What was staged many at once, and how far each of these is. */
export function Component() {
  const list = useInfiniteQuery(batchesQuery(useQueryClient()));
  const batches = [...new Set(list.data?.pages.flatMap(({ items }) => items.map(({ batch_id: id }) => id)))];
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <ViewTitle title={batchTexts.title} />
        <Anchor component={Link} to="/operations" size="sm">
          {batchTexts.back}
        </Anchor>
      </Group>
      {list.error && batches.length === 0 ? (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      ) : list.isPending ? (
        <LoadingLines lines={6} height={60} />
      ) : batches.length === 0 ? (
        <EmptyState icon={<IconStack2 aria-hidden />} title={batchTexts.none}>
          {batchTexts.noneAdvice}
        </EmptyState>
      ) : (
        <Grid gap="md">
          {batches.map((id) => (
            <Grid.Col key={id} span={{ base: 12, md: 6, xl: 4 }}>
              <BatchCard id={id} heading="h2" />
            </Grid.Col>
          ))}
        </Grid>
      )}
      {list.hasNextPage && (
        <Group justify="center">
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {batchTexts.more}
          </Button>
        </Group>
      )}
    </Stack>
  );
}
