import { Progress } from '@mantine/core';
import { createColumnHelper, tableFeatures } from '@tanstack/react-table';
import { Link, useLocation } from 'react-router';
import type { Operation } from '../../api/types';
import { StatusBadge } from '../../components/operation/status-badge';
import { PathText } from '../../components/path-text';
import { Time } from '../../components/time';
import { formatBytes, percentOf } from '../../lib/format';
import { methodName } from '../../texts/texts';
import { operationTexts } from '../../texts/operation';
import { operationsTexts } from '../../texts/operations';
import classes from './operations-table.module.css';

/** The service sorts, filters and pages: the table itself has nothing of that to do. */
export const features = tableFeatures({});

const names = operationsTexts.columns;
const helper = createColumnHelper<typeof features, Operation>();

export const columns = helper.columns([
  helper.accessor('status', { header: names.status, cell: ({ row }) => <StatusCell operation={row.original} /> }),
  helper.accessor('local_path_on_storage', {
    header: names.what,
    cell: ({ row }) => <WhatCell operation={row.original} />,
  }),
  helper.accessor('method', { header: names.method, cell: ({ row }) => methodName(row.original.method) }),
  helper.accessor('username', {
    header: names.user,
    cell: ({ row }) => <div className={classes.cut}>{row.original.username}</div>,
  }),
  helper.accessor('bytes_total', { header: names.size, cell: ({ row }) => sizeOf(row.original) }),
  helper.accessor('created_at', { header: names.when, cell: ({ row }) => <WhenCell operation={row.original} /> }),
]);

/** How a column is laid out, by its id. */
export const COLUMN_CLASSES: Record<string, string | undefined> = {
  status: classes.status,
  method: classes.method,
  username: classes.user,
  bytes_total: `${classes.size} ${classes.number}`,
  created_at: classes.time,
};

function StatusCell({ operation }: { operation: Operation }) {
  const { status, bytes_done: done, bytes_total: total } = operation;
  return (
    <>
      <StatusBadge status={status} />
      {status === 'running' && total !== null && (
        <Progress value={percentOf(done ?? 0, total)} size="xs" mt={4} aria-label={operationTexts.progress} />
      )}
    </>
  );
}

function WhatCell({ operation }: { operation: Operation }) {
  const { id, local_path_on_storage: path, label, error_reason: reason, name_encoding: encoding } = operation;
  const { search } = useLocation();
  return (
    <>
      <Link to={{ pathname: `/operations/${id}`, search }} className={classes.link}>
        <PathText path={path ?? id} encoding={encoding} oneLine />
      </Link>
      {reason !== null ? (
        <div className={`${classes.cut} ${classes.reason}`}>{reason}</div>
      ) : label !== null ? (
        <div className={`${classes.cut} ${classes.dim}`}>{label}</div>
      ) : null}
    </>
  );
}

function WhenCell({ operation: { created_at: at } }: { operation: Operation }) {
  return at === null ? null : <Time at={at} />;
}

function sizeOf({ bytes_total: total, bytes_done: done }: Operation): string {
  const bytes = total ?? done;
  return bytes === null ? '' : formatBytes(bytes);
}
