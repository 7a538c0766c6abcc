import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { AppError } from '@app/core';
import { DestinationLocks, type OpenFile, type OpenTree, SourceReader } from '@app/files';
import { type StagingContext, type StagingMethod, type StagingOperation, type StagingOutcome } from '@app/staging';
import { createAgent } from './client/http';
import { RETRY_AFTER_SECONDS, ServerDown } from './client/server-errors';
import { JupyterAccess } from './jupyter-access';
import { JUPYTER_OPTIONS, type JupyterOptions } from './jupyter-copy.options';
import { refuseDestination, resultPath } from './remote-path';
import { RemoteStaging } from './remote-staging';
import { ServerSession } from './server-session';
import { inspectSource } from './upload-source';

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
  private readonly access: JupyterAccess;

  constructor(
    private readonly reader: SourceReader,
    @Inject(JUPYTER_OPTIONS) private readonly options: JupyterOptions,
  ) {
    const isSet = options.hubUrl !== undefined || options.serverUrl !== undefined;
    this.requires = isSet ? undefined : 'JUPYTERHUB_URL or JUPYTER_SERVER_URL';
    this.access = new JupyterAccess(options, this.agent);
  }

  async stage(operation: StagingOperation, context: StagingContext): Promise<StagingOutcome> {
    const { destination } = operation;
    if (!destination) throw new Error('The operation has no destination although its method needs one');
    refuseDestination(destination);
    const source = await this.reader.open(operation.source, context.signal);
    try {
      const names = resultPath(destination, source.name);
      return await this.stageAt(names, source, operation, context);
    } catch (error) {
      context.signal.throwIfAborted();
      throw told(error);
    } finally {
      await source.close();
    }
  }

  private async stageAt(
    names: string[],
    opened: OpenFile | OpenTree,
    operation: StagingOperation,
    context: StagingContext,
  ): Promise<StagingOutcome> {
    const { signal, note, callerToken } = context;
    const source = await inspectSource(opened, operation.expected, signal);
    const { username, server } = operation;
    const servers = await this.access.serversFor({ username, server, callerToken }, signal);
    // Without a hub all users share one place.
    const place = this.options.hubUrl === undefined ? '' : `${username}/${server ?? ''}`;
    return this.locks.hold(JSON.stringify([place, names]), signal, async () => {
      const { startTimeoutMs } = this.options;
      const { agent } = this;
      const session = new ServerSession(servers, { user: username, server: server ?? '', startTimeoutMs, agent, note });
      try {
        await session.start(signal);
        return await new RemoteStaging(session, source, names, operation, context, this.options).run();
      } finally {
        await session.close();
      }
    });
  }

  /** Whether the hub answers, and takes the service's token; or whether the single server answers. */
  check(signal: AbortSignal): Promise<void> {
    return this.access.check(signal);
  }

  /** Not before: until then operations that were asked to end tidy up. */
  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }
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
