import { Button, Group, Menu, Text } from '@mantine/core';
import { IconTableExport } from '@tabler/icons-react';
import { useState } from 'react';
import { api, must } from '../../api/client';
import { asQuery, type OperationFilter } from '../../api/operations';
import { asProblem } from '../../api/problem';
import type { Operation } from '../../api/types';
import { toCsv } from '../../lib/csv';
import { saveFile } from '../../lib/save-file';
import { operationsTexts } from '../../texts/operations';

/** More would not fit a spreadsheet, nor the page's memory. */
const MAX_EXPORTED = 100_000;
const PAGE = 500;

const COLUMNS = [
  'id',
  'created_at',
  'started_at',
  'finished_at',
  'status',
  'outcome',
  'method',
  'username',
  'requested_by',
  'storage',
  'local_path_on_storage',
  'relative_path',
  'staged_path',
  'kind',
  'files_total',
  'bytes_total',
  'checksum',
  'link',
  'label',
  'batch_id',
  'attempts',
  'error_code',
  'error_reason',
] as const satisfies (keyof Operation)[];

async function allOf(filter: OperationFilter): Promise<Operation[]> {
  const operations: Operation[] = [];
  for (let cursor: string | undefined; operations.length < MAX_EXPORTED;) {
    const query = { ...asQuery(filter), limit: PAGE, cursor };
    const page = await must(api.GET('/operations', { params: { query } }));
    operations.push(...page.items);
    if (page.next_cursor === null) break;
    cursor = page.next_cursor;
  }
  return operations;
}

/** All operations that fit the filter, as a file. */
export function ExportMenu({ filter }: { filter: OperationFilter }) {
  const [isBusy, setIsBusy] = useState(false);
  const [said, setSaid] = useState({ text: '', isError: false });
  const save = async (form: 'csv' | 'json') => {
    setIsBusy(true);
    try {
      const operations = await allOf(filter);
      if (form === 'csv') saveFile('operations.csv', toCsv(operations, COLUMNS), 'text/csv;charset=utf-8');
      else saveFile('operations.json', `${JSON.stringify(operations, null, 2)}\n`, 'application/json');
      setSaid({ text: operationsTexts.export.saved(operations.length), isError: false });
    } catch (error) {
      setSaid({ text: operationsTexts.export.failed(asProblem(error).message), isError: true });
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Group gap="xs">
      <Text size="sm" role="status" c={said.isError ? 'var(--mantine-color-error)' : 'dimmed'}>
        {said.text}
      </Text>
      <Menu withinPortal position="bottom-end">
        <Menu.Target>
          <Button variant="default" loading={isBusy} leftSection={<IconTableExport size={16} aria-hidden />}>
            {operationsTexts.export.title}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => void save('csv')}>{operationsTexts.export.csv}</Menu.Item>
          <Menu.Item onClick={() => void save('json')}>{operationsTexts.export.json}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
