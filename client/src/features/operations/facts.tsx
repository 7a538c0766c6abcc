import { Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { Operation } from '../../api/types';
import { CopyText } from '../../components/copy-text';
import { PathText } from '../../components/path-text';
import { Time } from '../../components/time';
import { formatBytes, formatCount } from '../../lib/format';
import { methodName } from '../../texts/texts';
import { operationTexts } from '../../texts/operation';
import { operationsTexts } from '../../texts/operations';
import classes from './facts.module.css';

/** All that is known of an operation, each by its name. */
export function Facts({ operation }: { operation: Operation }) {
  const { name_encoding: encoding, checksum, batch_id: batch } = operation;
  const path = (text: string | null) =>
    text === null ? null : (
      <Group gap={4} wrap="nowrap">
        <PathText path={text} encoding={encoding} />
        <CopyText text={text} what={operationTexts.path} />
      </Group>
    );
  const time = (at: string | null) => (at === null ? null : <Time at={at} />);
  const names = operationsTexts.facts;
  const rows: [string, ReactNode][] = [
    [names.method, methodName(operation.method)],
    [names.user, operation.username],
    [names.requestedBy, operation.requested_by],
    [names.storage, operation.storage],
    [names.source, path(operation.local_path_on_storage)],
    [names.destination, path(operation.relative_path)],
    [names.stagedPath, path(operation.staged_path)],
    [names.server, operation.server],
    [names.label, operation.label],
    [names.batch, batch === null ? null : <Link to={`/operations?batch=${batch}`}>{batch}</Link>],
    [names.files, operation.files_total === null ? null : formatCount(operation.files_total)],
    [names.size, operation.bytes_total === null ? null : formatBytes(operation.bytes_total)],
    [names.link, operation.link],
    [names.checksum, checksum === null ? null : path(`${checksum.algorithm}:${checksum.value}`)],
    [names.attempts, operation.attempts > 1 ? formatCount(operation.attempts) : null],
    [names.created, time(operation.created_at)],
    [names.started, time(operation.started_at)],
    [names.finished, time(operation.finished_at)],
    [names.released, time(operation.released_at)],
    [names.expires, time(operation.expires_at)],
    [names.id, path(operation.id)],
  ];
  return (
    <dl className={classes.facts}>
      {rows
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <div key={name} className={classes.fact}>
            <Text component="dt" size="sm" c="dimmed">
              {name}
            </Text>
            <Text component="dd" size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
              {value}
            </Text>
          </div>
        ))}
    </dl>
  );
}
