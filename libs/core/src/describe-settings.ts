import { SETTINGS_SCHEMA } from './settings.schema';

/** One line of the documentation of the settings. */
export interface SettingDescription {
  name: string;
  /** The default as one would write it, or an empty string. */
  defaultText: string;
  description: string;
}

const DEFAULT_TEXTS: Record<string, string> = {
  SOURCE_STORAGE_PATH: './data/storage',
  TARGET_STORAGE_PATH: './data/user_areas',
  STAGED_FILE_MODE: '0400',
  STAGED_DIR_MODE: '0500',
  UNMAPPED_USERS: 'service',
  TRUST_PROXY: 'off',
};

/** Every setting with its default and its sentence: the source of README's table and of `.env.example`. */
export function describeSettings(): SettingDescription[] {
  const defaults: Record<string, unknown> = SETTINGS_SCHEMA.parse({});
  return Object.entries(SETTINGS_SCHEMA.shape).map(([name, schema]) => {
    const value = defaults[name];
    const plain =
      value === undefined || (Array.isArray(value) && value.length === 0)
        ? ''
        : `${value as string | number | boolean}`;
    return { name, defaultText: DEFAULT_TEXTS[name] ?? plain, description: schema.description ?? '' };
  });
}
