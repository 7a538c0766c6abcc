import { alreadyExists, type RawName } from '@app/files';
import { type StagingOperation, type StagingPlan } from '@app/staging';
import { type EnsureOptions, type ServerGrant, type ServerSource } from './client/user-server';
import { lookAtDestination, matchesSource } from './present-destination';
import { textOf } from './remote-path';
import { type ServerSession } from './server-session';
import { missingDirectories } from './staging-place';
import { type UploadSource } from './upload-source';

/** The user's server does not run, and is not to be started. */
export class NotRunning extends Error {
  constructor() {
    super("The user's Jupyter server is not running");
    this.name = 'NotRunning';
  }
}

/** Servers that run already: none is ever started. `ensure` rejects with {@link NotRunning} instead. */
export class RunningServers implements ServerSource {
  constructor(private readonly servers: ServerSource) {}

  async ensure(user: string, server: string, options: EnsureOptions): Promise<{ url: string }> {
    const found = await this.find(user, server, options);
    if (!found) throw new NotRunning();
    return found;
  }

  find(user: string, server: string, options: EnsureOptions): Promise<{ url: string } | null> {
    return this.servers.find(user, server, options);
  }

  grant(user: string, server: string, seconds: number, signal: AbortSignal): Promise<ServerGrant> {
    return this.servers.grant(user, server, seconds, signal);
  }
}

/** What is told where the destination could not be looked at. */
export const REMARKS = {
  notRunning:
    "The user's Jupyter server is not running; it would be started, and the destination could not be looked at.",
  noToken:
    'This site has no token of its own for Jupyter: staging needs that of the user, and the destination could not be looked at.',
};

/** The plan of an upload to a destination that is free, or that could not be looked at, as `remark` tells then. */
export function plannedUpload(source: UploadSource, names: readonly RawName[], remark?: string): StagingPlan {
  const { kind, files, bytes } = source;
  const { storage } = kind === 'file' ? source.file : source.tree;
  const stagedPath = names.join('/');
  const facts = { storage, kind, stagedPath, files, bytes, matchesSource: null };
  return { ...facts, action: 'upload', spaceNeeded: bytes, spaceFree: null, ...(remark !== undefined && { remark }) };
}

/**
 * Looks at the destination through a server that runs, without a kernel. Throws `destination_conflict` and
 * `already_exists` as staging would.
 */
export async function planAt(
  session: ServerSession,
  source: UploadSource,
  names: readonly RawName[],
  { ifExists }: Pick<StagingOperation, 'ifExists'>,
  signal: AbortSignal,
): Promise<StagingPlan> {
  const plan = plannedUpload(source, names);
  const missing = await missingDirectories(session, textOf(names.slice(0, -1).join('/')), signal);
  if (missing.length > 0) return plan;
  const path = textOf(names.join('/'));
  const found = await lookAtDestination(session, path, source, signal);
  if (typeof found === 'string') return plan;
  if (ifExists === 'fail') throw alreadyExists();
  const matches = await matchesSource(session, path, found, source, signal);
  return { ...plan, action: 'none', spaceNeeded: 0, matchesSource: matches };
}
