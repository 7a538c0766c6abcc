import { IconFile, IconFolder, IconLink, IconQuestionMark } from '@tabler/icons-react';
import type { Entry } from '../../api/types';

const ICONS = { directory: IconFolder, file: IconFile, link: IconLink, other: IconQuestionMark };

/** What kind of thing a name is, as a picture. */
export function EntryIcon({ kind }: { kind: Entry['kind'] }) {
  const Icon = ICONS[kind];
  return <Icon size={18} aria-hidden color={kind === 'directory' ? 'var(--mantine-color-anchor)' : undefined} />;
}
