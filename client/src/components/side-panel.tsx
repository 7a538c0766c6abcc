import { CloseButton, Drawer, Group } from '@mantine/core';
import type { ReactNode } from 'react';
import { texts } from '../texts/texts';

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

/** Something beside the view, which goes away by Escape, by its button, and by a click beside it. */
export function SidePanel({ title, onClose, children }: Props) {
  return (
    <Drawer.Root opened onClose={onClose} position="right" size="lg">
      <Drawer.Overlay />
      <Drawer.Content aria-label={title}>
        <Drawer.Body pt="md">
          <Group justify="space-between" wrap="nowrap" align="flex-start" mb="md">
            <bdi style={{ overflowWrap: 'anywhere', fontWeight: 600 }}>{title}</bdi>
            <CloseButton aria-label={texts.close} onClick={onClose} />
          </Group>
          {children}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}
