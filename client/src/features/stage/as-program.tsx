import { Code, Collapse, Group, SegmentedControl, Stack, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import type { StageOrder } from '../../api/staging';
import { CopyText } from '../../components/copy-text';
import { API_URL } from '../../config/base';
import { useSession } from '../../session/session';
import { stageTexts } from '../../texts/stage';
import { curlOf, pythonOf } from './snippets';

/** The same order for a program. */
export function AsProgram({ order }: { order: StageOrder }) {
  const [isOpen, { toggle }] = useDisclosure();
  const [language, setLanguage] = useState('curl');
  const { state } = useSession();
  const site = { url: API_URL, needsToken: state !== 'none' };
  const text = language === 'curl' ? curlOf(order, site) : pythonOf(order, site);
  return (
    <Stack gap="xs">
      <UnstyledButton onClick={toggle} aria-expanded={isOpen} fz="sm" c="var(--mantine-color-anchor)">
        <Group gap={4}>
          {isOpen ? <IconChevronDown size={16} aria-hidden /> : <IconChevronRight size={16} aria-hidden />}
          {stageTexts.program.title}
        </Group>
      </UnstyledButton>
      <Collapse expanded={isOpen}>
        <Stack gap="xs">
          <Group justify="space-between">
            <SegmentedControl
              size="xs"
              aria-label={stageTexts.program.language}
              data={Object.entries(stageTexts.program.languages).map(([value, label]) => ({ value, label }))}
              value={language}
              onChange={setLanguage}
            />
            <CopyText text={text} what={stageTexts.program.copy} />
          </Group>
          <Code
            block
            tabIndex={0}
            role="region"
            aria-label={stageTexts.program.label}
            style={{ maxHeight: 260, overflow: 'auto' }}
          >
            {text}
          </Code>
        </Stack>
      </Collapse>
    </Stack>
  );
}
