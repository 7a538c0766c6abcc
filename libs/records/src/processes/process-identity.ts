import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Names that many hosts bear at once, so that they tell nothing. */
const COMMON_HOSTS = new Set(['localhost', 'localhost.localdomain']);

interface Identity {
  host: string;
  /** Another one after each start of the host. */
  boot: string;
  /** Processes of different namespaces (containers) may have the same number. */
  namespace: string;
  pid: number;
  /** When it was started, in ticks since the host's start: numbers of processes are used again. */
  started: string;
}

/** Who this process is among all that ever used the same records, and which of the others are surely dead. */
export class ProcessIdentity {
  /** To be written as the owner of an operation; at most 255 characters. */
  readonly name: string;
  private readonly own: Identity;

  constructor() {
    this.own = {
      host: hostname(),
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      namespace: readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''),
      pid: process.pid,
      started: statOf(process.pid)!.started,
    };
    const { host, boot, namespace, pid, started } = this.own;
    this.name = [host, boot, namespace, pid, started].join('/');
  }

  /** True when the process of this name ran on this host since its last start: what it wrote to files is there. */
  sharesBoot(owner: string): boolean {
    return readName(owner)?.boot === this.own.boot;
  }

  /**
   * True only when it can be known that the process of this name runs no more: it ran here, in the same namespace, and
   * is gone; or its host was started anew. Others are told by their heartbeats alone.
   */
  isDead(owner: string): boolean {
    const other = readName(owner);
    if (!other) return false;
    if (other.boot !== this.own.boot) return other.host === this.own.host && !COMMON_HOSTS.has(other.host);
    return other.namespace === this.own.namespace && isGone(other);
  }
}

function readName(name: string): Identity | null {
  const match = /^([^/]+)\/([0-9a-f-]{36})\/(\d+)\/(\d+)\/(\d+)$/.exec(name);
  if (!match) return null;
  const [, host, boot, namespace, pid, started] = match as unknown as [string, string, string, string, string, string];
  return { host, boot, namespace, pid: Number(pid), started };
}

function isGone({ pid, started }: Identity): boolean {
  if (!exists(pid)) return true;
  const stat = statOf(pid);
  // A host may hide the processes of other accounts: then it exists, and no more can be known.
  return stat !== null && (stat.ended || stat.started !== started);
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** State and start of a process (proc(5)); null when it cannot be read. */
function statOf(pid: number): { ended: boolean; started: string } | null {
  try {
    // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    // A zombie (Z) has ended, though its parent has not asked how yet.
    return { ended: /^[ZX]/.test(fields[0]!), started: fields[19]! };
  } catch {
    return null;
  }
}
