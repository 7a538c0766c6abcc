import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { IconFiles } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { request } from '../../api/client';
import { manifestQuery } from '../../api/operations';
import { PathText } from '../../components/path-text';
import { EmptyState, ErrorState, LoadingLines } from '../../components/states';
import { formatBytes } from '../../lib/format';
import { saveFile } from '../../lib/save-file';
import { operationsTexts } from '../../texts/operations';

const said = operationsTexts.files;

/** What an operation staged, file by file. */
export function OperationFiles({ id }: { id: string }) {
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(
    manifestQuery(id),
  );
  const save = useMutation({
    mutationFn: async () => {
      const answer = await request(`/operations/${id}/files`, { headers: { Accept: 'text/plain' } });
      saveFile(`${id}.sums`, await answer.blob(), 'text/plain');
    },
  });
  if (error) return <ErrorState error={error} />;
  if (isPending) return <LoadingLines lines={4} height={24} />;
  const files = data.pages.flatMap(({ items }) => items);
  if (files.length === 0) return <EmptyState icon={<IconFiles aria-hidden />} title={said.nothing} />;
  return (
    <Stack gap="xs">
      <Table.ScrollContainer minWidth={320} type="native" tabIndex={0} role="region" aria-label={said.table}>
        <Table fz="sm" verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{said.file}</Table.Th>
              <Table.Th ta="end">{said.size}</Table.Th>
              <Table.Th>{said.checksum}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {files.map(({ path, name_encoding: encoding, size, algorithm, checksum, kind }) => (
              <Table.Tr key={path}>
                <Table.Td>
                  <PathText path={path} encoding={encoding} />
                  {kind === 'link' && said.link}
                </Table.Td>
                <Table.Td ta="end" style={{ whiteSpace: 'nowrap' }}>
                  {size === null ? '' : formatBytes(size)}
                </Table.Td>
                <Table.Td>
                  <Text size="xs" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
                    {checksum === null ? '' : `${algorithm}:${checksum}`}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Group>
        {hasNextPage && (
          <Button size="xs" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {said.more}
          </Button>
        )}
        <Button size="xs" variant="default" loading={save.isPending} onClick={() => save.mutate()}>
          {said.save}
        </Button>
      </Group>
      {save.error && <ErrorState error={save.error} />}
    </Stack>
  );
}
