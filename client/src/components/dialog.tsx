import { CloseButton, Group, Modal, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { texts } from '../texts/texts';

interface Props {
  title: string;
  opened: boolean;
  onClose: () => void;
  size?: string;
  children: ReactNode;
}

/** A question or a choice before the view, which goes away by Escape, by its button, and by a click beside it. */
export function Dialog({ title, opened, onClose, size = 'md', children }: Props) {
  return (
    <Modal.Root opened={opened} onClose={onClose} size={size} centered>
      <Modal.Overlay />
      <Modal.Content aria-label={title}>
        <Modal.Body pt="md">
          <Group justify="space-between" wrap="nowrap" mb="md">
            <Text fw={600}>{title}</Text>
            <CloseButton aria-label={texts.close} onClick={onClose} />
          </Group>
          {children}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
