import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What leads to a registry and is the machine's own affair. */
const SETTINGS = ['registry', 'cafile', 'https-proxy', 'proxy', 'noproxy'];

/** Where the build's npm finds what was fetched before. */
const CACHE = '/var/cache/npm';

/** How the build reaches the registry of packages that this machine uses. */
export interface NpmAccess {
  /** Mounts for the build's commands only: they are in no layer. */
  mounts: string[];
  registryHost: string;
}

/**
 * Lets the build ask the registry that this machine's npm asks, by mounts; what npm keeps of earlier installations is
 * copied, so that the build is quick and what npm keeps here stays as it is.
 */
export function npmAccess(folder: string): NpmAccess {
  const values = SETTINGS.map((name) => [name, npmSetting(name)] as const).filter(([, value]) => value !== '');
  const lines = values.map(([name, value]) => `${name}=${value}`);
  const own = npmSetting('userconfig');
  const rest = existsSync(own) ? readFileSync(own, 'utf8') : '';
  const file = path.join(folder, 'npmrc');
  // Under the user's own lines, which may hold what a registry asks for.
  writeFileSync(
    file,
    [rest, ...lines, `cache=${CACHE}`, 'prefer-offline=true', 'update-notifier=false', ''].join('\n'),
    { mode: 0o600 },
  );
  const settings = new Map(values);
  const certificates = settings.get('cafile');
  return {
    mounts: [
      `${file}:/usr/local/etc/npmrc:ro`,
      `${copiedCache(folder)}:${CACHE}`,
      ...(certificates === undefined ? [] : [`${certificates}:${certificates}:ro`]),
    ],
    registryHost: new URL(settings.get('registry')!).host,
  };
}

function copiedCache(folder: string): string {
  const copy = path.join(folder, 'npm-cache');
  mkdirSync(copy);
  const cache = path.join(npmSetting('cache'), '_cacache');
  if (existsSync(cache)) cpSync(cache, path.join(copy, '_cacache'), { recursive: true });
  return copy;
}

function npmSetting(name: string): string {
  const value = execFileSync('npm', ['config', 'get', name], { cwd: '/', encoding: 'utf8' }).trim();
  return value === 'null' || value === 'undefined' ? '' : value;
}
