import { Text } from '@mantine/core';
import { IconCopy, IconDownload, IconLink, IconNotebook, IconPackageImport } from '@tabler/icons-react';
import type { Method } from '../../api/types';
import { methodName, texts } from '../../texts/texts';
import { stageTexts } from '../../texts/stage';
import classes from './method-cards.module.css';

const ICONS: Record<string, typeof IconCopy> = {
  local_copy: IconCopy,
  symlink_copy: IconLink,
  direct_download: IconDownload,
  jupyter_copy: IconNotebook,
};

interface Props {
  methods: Method[];
  value: string;
  onChange: (method: string) => void;
}

/** The ways to bring data that this site offers, each with what it does, or why it cannot just now. */
export function MethodCards({ methods, value, onChange }: Props) {
  return (
    <fieldset className={classes.group} aria-label={stageTexts.method.label}>
      {methods.map(({ name, description, available, problem }) => {
        const Icon = ICONS[name] ?? IconPackageImport;
        const isOff = available === false;
        return (
          <label key={name} className={classes.card} data-off={isOff || undefined}>
            <input
              type="radio"
              name="method"
              value={name}
              checked={value === name}
              disabled={isOff}
              onChange={() => onChange(name)}
            />
            <span className={classes.head}>
              <Icon size={18} aria-hidden />
              {methodName(name)}
            </span>
            <Text size="xs" c="dimmed" component="span">
              {texts.methods[name]?.about ?? description}
            </Text>
            {isOff && (
              <Text size="xs" c="var(--mantine-color-error)" component="span">
                {problem ?? stageTexts.method.off}
              </Text>
            )}
          </label>
        );
      })}
    </fieldset>
  );
}
