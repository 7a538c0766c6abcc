import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** An account of the host, or of the operator's map. */
export interface Account {
  uid: number;
  gid: number;
}

const run = promisify(execFile);
const MAP_LINE = /^([^:#\s][^:]*):(\d{1,10}):(\d{1,10})$/;
/** Highest uid and gid: 2^32 - 1 means "as it is" to chown(2). */
const MAX_ID = 2 ** 32 - 2;

/** How long an answer of the host's name service is kept: accounts come and go, but rarely. */
const KEEP_MS = 60_000;
const MAX_KEPT = 10_000;

/**
 * Finds the accounts of users: first in the operator's map (`USER_MAP`), then by the host's name service, which also
 * knows LDAP and SSSD. Never makes an account.
 */
export class AccountDirectory {
  private readonly kept = new Map<string, { account: Promise<Account | null>; until: number }>();
  private map: Promise<Map<string, Account>> | undefined;

  constructor(private readonly options: { mapFile: string | undefined }) {}

  /** The account of a user; null when there is none. Answers are kept for a minute. */
  find(username: string): Promise<Account | null> {
    const now = Date.now();
    const known = this.kept.get(username);
    if (known && known.until > now) return known.account;
    if (this.kept.size >= MAX_KEPT) this.kept.clear();
    const account = this.lookUp(username);
    this.kept.set(username, { account, until: now + KEEP_MS });
    account.catch(() => this.kept.delete(username));
    return account;
  }

  /** Reads the map; throws an Error that names the first bad line. Called at start, so that a bad map stops it. */
  async load(): Promise<void> {
    await this.readMap();
  }

  private async lookUp(username: string): Promise<Account | null> {
    return (await this.readMap()).get(username) ?? (await lookUpHost(username));
  }

  private readMap(): Promise<Map<string, Account>> {
    this.map ??= this.parseMap();
    return this.map;
  }

  private async parseMap(): Promise<Map<string, Account>> {
    const accounts = new Map<string, Account>();
    if (this.options.mapFile === undefined) return accounts;
    const lines = (await readFile(this.options.mapFile, 'utf8')).split('\n');
    for (const [index, text] of lines.entries()) {
      const line = text.trim();
      if (line === '' || line.startsWith('#')) continue;
      const match = MAP_LINE.exec(line);
      const [uid, gid] = [Number(match?.[2]), Number(match?.[3])];
      if (!match || accounts.has(match[1]!) || Math.max(uid, gid) > MAX_ID) {
        throw new Error(`USER_MAP: line ${index + 1} is not a new name:uid:gid`);
      }
      accounts.set(match[1]!, { uid, gid });
    }
    return accounts;
  }
}

/** getent(1) takes a number for a uid, so the name that comes back must be the one that was asked for. */
async function lookUpHost(username: string): Promise<Account | null> {
  try {
    const { stdout } = await run('getent', ['passwd', '--', username], { timeout: 10_000 });
    const fields = stdout.split('\n')[0]!.split(':');
    return fields[0] === username ? { uid: Number(fields[2]), gid: Number(fields[3]) } : null;
  } catch (error) {
    if ((error as { code?: unknown }).code === 2) return null; // getent: no such key
    throw error;
  }
}
