import { Badge } from '@mantine/core';
import { IconBan, IconCheck, IconClock, IconLoader, IconX } from '@tabler/icons-react';
import type { Status } from '../../api/types';
import { texts } from '../../texts/texts';

const LOOKS = {
  queued: { color: 'gray', Icon: IconClock },
  running: { color: 'blue', Icon: IconLoader },
  success: { color: 'teal', Icon: IconCheck },
  failure: { color: 'red', Icon: IconX },
  cancelled: { color: 'orange', Icon: IconBan },
} as const;

/** How an operation stands: by colour, by sign and in a word. */
export function StatusBadge({ status }: { status: Status }) {
  const { color, Icon } = LOOKS[status];
  return (
    <Badge color={color} variant="light" leftSection={<Icon size={12} aria-hidden />} tt="none" radius="sm">
      {texts.status[status]}
    </Badge>
  );
}
