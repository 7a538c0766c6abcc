import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Numbers of an account; it needs no line in /etc/passwd, since the kernel knows numbers only. */
export interface Ids {
  uid: number;
  gid: number;
}

/** Two users and an account for a service without privileges; no account of a usual host has these numbers. */
export const ALICE: Ids = { uid: 61_001, gid: 61_001 };
export const BOB: Ids = { uid: 61_002, gid: 61_002 };
export const SERVICE_ACCOUNT: Ids = { uid: 61_100, gid: 61_100 };

/** Why this process cannot take the place of other users, or null. */
export function accountsMissing(): string | null {
  if (process.getuid?.() !== 0) return 'taking the place of other users needs root';
  const tried = runAs(ALICE, ['id', '-u']);
  return tried.stdout === `${ALICE.uid}\n` ? null : `setpriv: ${tried.error?.message ?? tried.stderr}`;
}

/** Writes a file for the setting `USER_MAP` into a folder; returns its path. */
export function writeUserMap(folder: string, users: Record<string, Ids>): string {
  const file = path.join(folder, 'user-map');
  writeFileSync(
    file,
    Object.entries(users)
      .map(([name, { uid, gid }]) => `${name}:${uid}:${gid}\n`)
      .join(''),
  );
  chmodSync(file, 0o644);
  return file;
}

/** The command line that runs `argv` as somebody else: no other groups, no capabilities. Needs root. */
export function commandAs({ uid, gid }: Ids, argv: string[]): string[] {
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...argv];
}

/** Runs a command as somebody else and waits for its end, 30 seconds at most. Needs root. */
export function runAs(ids: Ids, argv: string[]): SpawnSyncReturns<string> {
  const [command, ...rest] = commandAs(ids, argv);
  return spawnSync(command!, rest, { encoding: 'utf8', timeout: 30_000, cwd: '/' });
}
