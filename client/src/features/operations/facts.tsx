import { Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { Operation } from '../../api/types';
import { CopyText } from '../../components/copy-text';
import { PathText } from '../../components/path-text';
import { Time } from '../../components/time';
import { formatBytes, formatCount } from '../../lib/format';
import { methodName } from '../../texts/texts';
import classes from './facts.module.css';

/** All that is known of an operation, each by its name. */
export function Facts({ operation }: { operation: Operation }) {
  const { name_encoding: encoding, checksum, batch_id: batch } = operation;
  const path = (text: string | null) =>
    text === null ? null : (
      <Group gap={4} wrap="nowrap">
        <PathText path={text} encoding={encoding} />
        <CopyText text={text} what="the path" />
      </Group>
    );
  const time = (at: string | null) => (at === null ? null : <Time at={at} />);
  const rows: [string, ReactNode][] = [
    ['Method', methodName(operation.method)],
    ['User', operation.username],
    ['Asked for by', operation.requested_by],
    ['Storage', operation.storage],
    ['Source', path(operation.local_path_on_storage)],
    ['Destination', path(operation.relative_path)],
    ['Staged at', path(operation.staged_path)],
    ['Server', operation.server],
    ['Label', operation.label],
    ['Batch', batch === null ? null : <Link to={`/operations?batch=${batch}`}>{batch}</Link>],
    ['Files', operation.files_total === null ? null : formatCount(operation.files_total)],
    ['Size', operation.bytes_total === null ? null : formatBytes(operation.bytes_total)],
    ['Link', operation.link],
    ['Checksum', checksum === null ? null : path(`${checksum.algorithm}:${checksum.value}`)],
    ['Attempts', operation.attempts > 1 ? formatCount(operation.attempts) : null],
    ['Asked for', time(operation.created_at)],
    ['Begun', time(operation.started_at)],
    ['Ended', time(operation.finished_at)],
    ['Removed', time(operation.released_at)],
    ['Link ends', time(operation.expires_at)],
    ['Operation', path(operation.id)],
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
