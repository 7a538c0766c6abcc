import { Badge } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import { siteTexts } from '../../texts/site';

/** Whether something works: by colour, by sign and in a word. */
export function StateBadge({ isUp }: { isUp: boolean }) {
  return (
    <Badge
      size="sm"
      variant="light"
      radius="sm"
      tt="none"
      color={isUp ? 'teal' : 'red'}
      leftSection={isUp ? <IconCheck size={12} aria-hidden /> : <IconX size={12} aria-hidden />}
    >
      {isUp ? siteTexts.up : siteTexts.down}
    </Badge>
  );
}
