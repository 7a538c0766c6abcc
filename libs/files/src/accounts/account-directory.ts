import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** An account of the host, or of the operator's map. */
export interface Account {
  uid: number;
  gid: number;
}

/** An account as the host's name service knows it. */
interface HostAccount extends Account {
  name: string;
}

const run = promisify(execFile);
const MAP_LINE = /^([^:#\s][^:]*):(\d{1,10}):(\d{1,10})$/;
/** Highest uid and gid: 2^32 - 1 means "as it is" to chown(2). */
const MAX_ID = 2 ** 32 - 2;

/** How long an answer of the host's name service is kept: accounts come and go, but rarely. */
const KEEP_MS = 60_000;
const MAX_KEPT = 10_000;

/** How long the host's name service may take for an answer. */
const HOST_TIMEOUT_MS = 10_000;

/**
 * Finds the accounts of users: first in the operator's map (`USER_MAP`), then by the host's name service, which also
 * knows LDAP and SSSD. Never makes an account.
 */
export class AccountDirectory {
  private readonly accounts = new KeptAnswers<Account | null>();
  private readonly groups = new KeptAnswers<number[]>();
  private map: Promise<Map<string, Account>> | undefined;

  constructor(private readonly options: { mapFile: string | undefined }) {}

  /** The account of a user; null when there is none. Answers are kept for a minute. */
  find(username: string): Promise<Account | null> {
    return this.accounts.get(username, () => this.lookUp(username));
  }

  /**
   * All groups of an account, its own first: those that the host knows its uid to be in, also where the map gives the
   * uid to a user of another name. Answers are kept for a minute.
   */
  groupsOf({ uid, gid }: Account): Promise<number[]> {
    return this.groups.get(`${uid}:${gid}`, async () => {
      const holder = await askHost(String(uid));
      const others = holder?.uid === uid ? await groupsOnHost(holder.name) : [];
      return [...new Set([gid, ...others])];
    });
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
  const account = await askHost(username);
  return account?.name === username ? { uid: account.uid, gid: account.gid } : null;
}

async function askHost(key: string): Promise<HostAccount | null> {
  try {
    const { stdout } = await run('getent', ['passwd', '--', key], { timeout: HOST_TIMEOUT_MS });
    const [name, , uid, gid] = stdout.split('\n')[0]!.split(':');
    return { name: name!, uid: Number(uid), gid: Number(gid) };
  } catch (error) {
    if ((error as { code?: unknown }).code === 2) return null; // getent: no such key
    throw error;
  }
}

/** id(1) asks the name service as a login does, so that groups of LDAP and SSSD are among them. */
async function groupsOnHost(name: string): Promise<number[]> {
  const { stdout } = await run('id', ['-G', '--', name], { timeout: HOST_TIMEOUT_MS });
  return stdout.trim().split(' ').map(Number);
}

/** Answers that are kept for a minute; a failure is not. */
class KeptAnswers<T> {
  private readonly kept = new Map<string, { answer: Promise<T>; until: number }>();

  get(key: string, ask: () => Promise<T>): Promise<T> {
    const now = Date.now();
    const known = this.kept.get(key);
    if (known && known.until > now) return known.answer;
    if (this.kept.size >= MAX_KEPT) this.kept.clear();
    const answer = ask();
    this.kept.set(key, { answer, until: now + KEEP_MS });
    answer.catch(() => this.kept.delete(key));
    return answer;
  }
}
