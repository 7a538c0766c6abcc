import { Text, Tooltip } from '@mantine/core';
import { formatTime, formatUtc } from '../lib/format';

/** A moment in local time; in UTC for who points at it, and for who reads it aloud. */
export function Time({ at, inherit = true }: { at: string; inherit?: boolean }) {
  return (
    <Tooltip label={formatUtc(at)} openDelay={300}>
      <Text span inherit={inherit}>
        <time dateTime={at} title={formatUtc(at)}>
          {formatTime(at)}
        </time>
      </Text>
    </Tooltip>
  );
}
