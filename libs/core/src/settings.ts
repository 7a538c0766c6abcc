import { readFileSync } from 'node:fs';
import { type z } from 'zod';
import { isLoopback } from './loopback';
import { SECRET_SETTINGS, SETTINGS_SCHEMA } from './settings.schema';

type Values = z.infer<typeof SETTINGS_SCHEMA>;
type Environment = Readonly<Record<string, string | undefined>>;

/** Thrown at start: names every bad setting at once, and repeats no value, since one may be a secret. */
export class SettingsError extends Error {
  constructor(readonly problems: string[]) {
    super(`The settings are not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'SettingsError';
  }
}

/** The settings of one process, read once and never changed. */
export class Settings {
  constructor(readonly values: Values) {}

  /** The value of one setting. */
  get<Name extends keyof Values>(name: Name): Values[Name] {
    return this.values[name];
  }

  /** True when the service can be reached from this host only. */
  get listensOnLoopback(): boolean {
    return isLoopback(this.values.HOST);
  }
}

/**
 * Reads the environment (empty values count as unset; `<NAME>_FILE` for secrets). Throws {@link SettingsError} with all
 * problems at once.
 */
// The one place that reads the environment.
export function loadSettings(environment: Environment = process.env): Settings {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const name of Object.keys(SETTINGS_SCHEMA.shape)) {
    const value = environment[name];
    if (value !== undefined && value !== '') given[name] = value;
  }
  for (const name of SECRET_SETTINGS) readSecretFile(name, environment, given, problems);
  const parsed = SETTINGS_SCHEMA.safeParse(given);
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${withoutValue(issue.message)}`));
    throw new SettingsError(problems);
  }
  problems.push(...contradictions(parsed.data));
  if (problems.length > 0) throw new SettingsError(problems);
  return new Settings(parsed.data);
}

function readSecretFile(
  name: string,
  environment: Environment,
  given: Record<string, string>,
  problems: string[],
): void {
  const file = environment[`${name}_FILE`];
  if (!file) return;
  if (given[name] !== undefined) {
    problems.push(`${name}: set both directly and by ${name}_FILE`);
    return;
  }
  try {
    given[name] = readFileSync(file, 'utf8').trim();
  } catch (error) {
    problems.push(`${name}_FILE: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
}

function contradictions(values: Values): string[] {
  const problems: string[] = [];
  if (values.AUTH_MODE === 'none' && !isLoopback(values.HOST) && !values.AUTH_NONE_ACKNOWLEDGED) {
    problems.push('HOST: without sign-in only a loopback address is allowed, unless AUTH_NONE_ACKNOWLEDGED=true');
  }
  if (values.AUTH_MODE === 'oidc') {
    for (const name of ['OIDC_ISSUER', 'OIDC_AUDIENCE'] as const) {
      if (values[name] === undefined) problems.push(`${name}: needed with AUTH_MODE=oidc`);
    }
  }
  if (values.JUPYTERHUB_URL !== undefined && values.JUPYTER_SERVER_URL !== undefined) {
    problems.push('JUPYTER_SERVER_URL: is for a site without a hub; JUPYTERHUB_URL is set as well');
  }
  if (values.REDIS_URL !== undefined) problems.push(...missingWithRedis(values));
  if (values.LINK_FALLBACK === 'symlink') problems.push(...missingLinkPrefixes(values));
  return problems;
}

/** What several processes must have in common. */
function missingWithRedis(values: Values): string[] {
  const problems: string[] = [];
  if (values.DATABASE_URL.startsWith('sqlite:')) {
    const why = 'SQLite is a file of one host, which processes on others cannot share; with REDIS_URL use mysql://';
    problems.push(`DATABASE_URL: ${why}`);
  }
  if (values.DOWNLOAD_SECRET === undefined) {
    problems.push(
      'DOWNLOAD_SECRET: needed with REDIS_URL, the same for all processes: each must know the links of the others',
    );
  }
  return problems;
}

function missingLinkPrefixes(values: Values): string[] {
  const prefixes = values.LINK_TARGET_PREFIX;
  if (!prefixes) return ['LINK_TARGET_PREFIX: needed with LINK_FALLBACK=symlink: the storage as users see it'];
  if (prefixes.some((prefix) => !prefix.path.startsWith('/'))) return ['LINK_TARGET_PREFIX: must be an absolute path'];
  const known = new Set(prefixes.map((prefix) => prefix.name));
  return values.SOURCE_STORAGE_PATH.filter((root) => !known.has(root.name)).map(
    (root) => `LINK_TARGET_PREFIX: has no line for the storage ${root.name}`,
  );
}

/** zod repeats no values except in a few messages; those are cut to their first clause. */
function withoutValue(message: string): string {
  return message.replace(/,? ?received .*$/i, '');
}
