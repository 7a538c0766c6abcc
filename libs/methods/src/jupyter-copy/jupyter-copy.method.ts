import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { AppError } from '@app/core';
import {
  DestinationLocks,
  type DestinationPath,
  lastName,
  type OpenFile,
  type OpenTree,
  type RawName,
  type Release,
  SourceReader,
} from '@app/files';
import {
  type ReleaseContext,
  type StagedOperation,
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
  type StagingPlan,
} from '@app/staging';
import { type Dispatcher } from 'undici';
import { createAgent, TracedAgent } from './client/http';
import { type ServerSource } from './client/user-server';
import { RETRY_AFTER_SECONDS, ServerDown } from './client/server-errors';
import { JupyterAccess } from './jupyter-access';
import { JUPYTER_OPTIONS, type JupyterOptions } from './jupyter-copy.options';
import { NotRunning, planAt, plannedUpload, REMARKS, RunningServers } from './remote-plan';
import { refuseDestination, refuseNames, resultPath } from './remote-path';
import { RemoteRelease } from './remote-release';
import { RemoteStaging } from './remote-staging';
import { ServerSession, type SessionOptions } from './server-session';
import { type OnFailure, Tidying } from './tidying';
import { inspectSource, type UploadSource } from './upload-source';

/** Long enough to look at a destination, also for one token of several. */
const PLAN_GRANT_SECONDS = 120;

/**
 * Brings data to where a user's Jupyter server keeps their files, through that server's contents API: built beside the
 * destination, verified and made read-only through a kernel of the user's, and renamed. Servers that are down are
 * started. Nothing of the site's storage needs to be mounted where the server runs.
 */
@Injectable()
export class JupyterCopyMethod implements StagingMethod, OnApplicationShutdown {
  readonly name = 'jupyter_copy';
  readonly aliases = [];
  readonly description = "Copies the data into the user's Jupyter server, which is started if need be.";
  readonly capabilities = { destination: 'remote' } as const;
  readonly requires: string | undefined;
  private readonly agent = createAgent();
  private readonly locks = new DestinationLocks();
  private readonly tidying = new Tidying();

  constructor(
    private readonly reader: SourceReader,
    @Inject(JUPYTER_OPTIONS) private readonly options: JupyterOptions,
  ) {
    const isSet = options.hubUrl !== undefined || options.serverUrl !== undefined;
    this.requires = isSet ? undefined : 'JUPYTERHUB_URL or JUPYTER_SERVER_URL';
  }

  refuse({ source, destination, server }: StagingOperation): void {
    if (!destination) return;
    refuseNames(destination);
    const ownName = lastName(source.path);
    if (ownName !== undefined) resultPath(destination, ownName);
    this.access(this.agent).refuseServer(server);
  }

  async stage(operation: StagingOperation, context: StagingContext): Promise<StagingOutcome> {
    const { signal, callerToken } = context;
    const agent = this.agentFor(context);
    return this.withSource(operation, signal, async (source, names) => {
      const { username, server } = operation;
      const servers = await this.access(agent).serversFor({ username, server, callerToken }, signal);
      return this.tidying.run(signal, (failed) => {
        return this.hold(operation, names, context, () =>
          this.stageAt({ servers, agent, source, names, operation }, context, failed),
        );
      });
    });
  }

  private async stageAt(
    { servers, agent, source, names, operation }: Upload,
    context: StagingContext,
    failed: OnFailure,
  ): Promise<StagingOutcome> {
    const { signal, note } = context;
    // Whatever tidies up after a cancelled operation has nothing to tell any more.
    const waitsFor = (reason: string | null) => {
      if (reason === null || !signal.aborted) context.waitsFor(reason);
    };
    const session = this.session(servers, operation, { agent, note, waitsFor });
    try {
      await session.start(signal);
      return await new RemoteStaging(session, source, names, operation, context, this.options).run(failed);
    } catch (error) {
      failed(error);
      throw error;
    } finally {
      await session.close();
    }
  }

  /** Starts no server and no kernel; the token that it takes to look at the destination is taken back. */
  async plan(operation: StagingOperation, signal: AbortSignal): Promise<StagingPlan> {
    return this.withSource(operation, signal, async (source, names) => {
      const { agent } = this;
      const servers = await this.siteServers(operation, agent, signal);
      if (!servers) return plannedUpload(source, names, REMARKS.noToken);
      const options = { agent, note: () => undefined, grantSeconds: PLAN_GRANT_SECONDS };
      const session = this.session(new RunningServers(servers), operation, options);
      session.giveKernelUp();
      try {
        await session.start(signal);
        return await planAt(session, source, names, operation, signal);
      } catch (error) {
        if (error instanceof NotRunning) return plannedUpload(source, names, REMARKS.notRunning);
        throw error;
      } finally {
        await session.close();
      }
    });
  }

  async release(staged: StagedOperation, context: ReleaseContext): Promise<Release> {
    const { operation } = staged;
    const { signal, note } = context;
    const agent = this.agentFor(context);
    try {
      const names = resultPath(destinationOf(operation), staged.name);
      const servers = await this.siteServers(operation, agent, signal);
      if (!servers) return { released: false, reason: NO_TOKEN };
      return await this.hold(operation, names, { signal, waitsFor: () => undefined }, async () => {
        const session = this.session(servers, operation, { agent, note });
        try {
          await session.start(signal);
          return await new RemoteRelease(session, names, staged, context).run();
        } finally {
          await session.close();
        }
      });
    } catch (error) {
      signal.throwIfAborted();
      throw told(error);
    }
  }

  /** Opens the source of an operation and looks it through, for work that ends in the words of the contract. */
  private async withSource<T>(
    operation: StagingOperation,
    signal: AbortSignal,
    work: (source: UploadSource, names: RawName[]) => Promise<T>,
  ): Promise<T> {
    const destination = destinationOf(operation);
    refuseDestination(destination);
    const opened: OpenFile | OpenTree = await this.reader.open(
      { ...operation.source, username: operation.username },
      signal,
    );
    try {
      const names = resultPath(destination, opened.name);
      return await work(await inspectSource(opened, operation.expected, signal), names);
    } catch (error) {
      signal.throwIfAborted();
      throw told(error);
    } finally {
      await opened.close();
    }
  }

  /** The way to a server for the site itself; null where it has no token, and nobody is there to show one. */
  private async siteServers(
    { username, server }: StagingOperation,
    agent: Dispatcher,
    signal: AbortSignal,
  ): Promise<ServerSource | null> {
    try {
      return await this.access(agent).serversFor({ username, server, callerToken: null }, signal);
    } catch (error) {
      if (error instanceof AppError && error.code === 'forbidden') return null;
      throw error;
    }
  }

  /** Runs work when no other operation of this process is at the same destination. */
  private async hold<T>(
    { username, server }: StagingOperation,
    names: RawName[],
    { signal, waitsFor }: Pick<StagingContext, 'signal' | 'waitsFor'>,
    work: () => Promise<T>,
  ): Promise<T> {
    // Without a hub all users share one place.
    const place = this.options.hubUrl === undefined ? '' : `${username}/${server ?? ''}`;
    let isWaiting = false;
    const goOn = () => {
      if (isWaiting) waitsFor(null);
      isWaiting = false;
    };
    let hasBegun = false;
    const held = this.locks.hold(JSON.stringify([place, names]), signal, () => {
      hasBegun = true;
      goOn();
      return work();
    });
    // It begins at once where nobody is before it.
    if (!hasBegun) {
      isWaiting = true;
      waitsFor('Another operation brings data to the same place.');
    }
    return held.finally(goOn);
  }

  private session(
    servers: ServerSource,
    { username: user, server }: StagingOperation,
    options: Pick<SessionOptions, 'agent' | 'note' | 'waitsFor' | 'grantSeconds'>,
  ): ServerSession {
    const { startTimeoutMs } = this.options;
    return new ServerSession(servers, { user, server: server ?? '', startTimeoutMs, ...options });
  }

  /** Connections whose calls belong to the trace of an operation, where it has one. */
  private agentFor({ traceParent }: Pick<StagingContext, 'traceParent'>): Dispatcher {
    return traceParent === null ? this.agent : new TracedAgent(this.agent, traceParent);
  }

  private access(agent: Dispatcher): JupyterAccess {
    return new JupyterAccess(this.options, agent);
  }

  /** Whether the hub answers, and takes the service's token; or whether the single server answers. */
  check(signal: AbortSignal): Promise<void> {
    return this.access(this.agent).check(signal);
  }

  /** Not before: until then operations that were asked to end tidy up. */
  async onApplicationShutdown(): Promise<void> {
    await this.tidying.settled();
    await this.agent.destroy();
  }
}

/** An upload that may begin. */
interface Upload {
  servers: ServerSource;
  agent: Dispatcher;
  source: UploadSource;
  names: RawName[];
  operation: StagingOperation;
}

const NO_TOKEN =
  'This site has no token of its own for Jupyter, so that only its user can remove what was staged there.';

function destinationOf({ destination }: StagingOperation): DestinationPath {
  if (!destination) throw new Error('The operation has no destination although its method needs one');
  return destination;
}

function told(error: unknown): unknown {
  const options = { cause: error, retryAfterSeconds: RETRY_AFTER_SECONDS };
  if (error instanceof ServerDown) {
    return new AppError('jupyter_unavailable', "The user's Jupyter server went away; try again later.", options);
  }
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new AppError(
      'jupyter_timeout',
      "The user's Jupyter server did not answer in time; try again later.",
      options,
    );
  }
  return error;
}
