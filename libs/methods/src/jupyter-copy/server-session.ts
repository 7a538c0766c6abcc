import { AppError } from '@app/core';
import { type Dispatcher } from 'undici';
import { ContentsClient } from './client/contents-client';
import { findKernel, type Kernel } from './client/kernel';
import { RETRY_AFTER_SECONDS, ServerDown } from './client/server-errors';
import { type ServerGrant, type ServerSource } from './client/user-server';

/** Whose server, how to wait for it, and whom to tell. */
export interface SessionOptions {
  user: string;
  /** `''` is the usual server. */
  server: string;
  startTimeoutMs: number;
  agent: Dispatcher;
  note: (message: string, fields?: Record<string, unknown>) => void;
  /** Told what is waited for, in a sentence for the user; null: it goes on. */
  waitsFor?: (reason: string | null) => void;
  /** How long each token lasts (default: an hour); the next one is made after half of it. */
  grantSeconds?: number;
}

const STARTING = "The user's Jupyter server is starting.";
/** A token lasts this long, and half of it at least when something begins. */
const GRANT_SECONDS = 3600;
/** Slower than any disk that is worth the name: bytes a second that a kernel reads. */
const KERNEL_PACE = 10_000_000;
/** Times that one operation has the server started again. */
const MAX_REVIVALS = 3;
/** A kernel that does not do nothing in this time will not do anything. */
const FIRST_RUN_MS = 60_000;
const CLOSE_MS = 10_000;
const SOON_MS = 700;

/**
 * One operation's dealings with one user's server: started when it is down, and again when it dies; opened by a token
 * of this operation, which is renewed before it ends; one kernel where the site has any. Whoever opened it closes it.
 */
export class ServerSession {
  private url = '';
  private grant: { grant: ServerGrant; renewAt: number } | undefined;
  private readonly grants: ServerGrant[] = [];
  private kernel: Kernel | null | undefined;
  /** Ends of kernels, which nobody waits for before the session's. */
  private readonly endings: Promise<void>[] = [];
  private revivalsLeft = MAX_REVIVALS;
  /** Whether a program was left to itself, which keeps its kernel from ending at once. */
  private wasInterrupted = false;

  constructor(
    private readonly servers: ServerSource,
    private readonly options: SessionOptions,
  ) {}

  /** Makes sure that the server runs. Rejects with what {@link ServerSource.ensure} rejects with. */
  async start(signal: AbortSignal): Promise<void> {
    const { user, server, startTimeoutMs: timeoutMs, note, waitsFor } = this.options;
    const tell = (message: string) => note(`Jupyter server: ${message}`);
    let waits = false;
    const onWait = () => {
      waits = true;
      waitsFor?.(STARTING);
    };
    try {
      const { url } = await this.servers.ensure(user, server, { timeoutMs, signal, note: tell, onWait });
      this.url = url;
      note('The Jupyter server runs');
    } finally {
      if (waits) waitsFor?.(null);
    }
  }

  /**
   * Runs work on the contents, and again when the server died meanwhile and was started again: so it must be such that
   * may be done twice. The client is for this one work, since tokens end.
   */
  async attempt<T>(work: (contents: ContentsClient) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await work(await this.contents(signal));
      } catch (error) {
        if (!(error instanceof ServerDown)) throw error;
        await this.revive(error, signal);
      }
    }
  }

  /** The contents, opened by a token that lasts for some time yet. */
  async contents(signal: AbortSignal): Promise<ContentsClient> {
    const { token } = await this.currentGrant(signal);
    return new ContentsClient({ url: this.url, token, agent: this.options.agent });
  }

  /** Has the server started again after a call found it down; `jupyter_unavailable` when that was done often enough. */
  async revive(cause: ServerDown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.revivalsLeft === 0) throw keepsDying(this.options.user, cause);
    this.revivalsLeft -= 1;
    this.options.note('The Jupyter server went away and is looked for again', { reason: cause.message });
    await this.start(signal);
  }

  /** From now on the server may be started again as often as at the beginning, for whoever tidies up. */
  forgetRevivals(): void {
    this.revivalsLeft = MAX_REVIVALS;
  }

  /** Whether it takes long to tidy up: a kernel has to be replaced, or the server does not answer soon. */
  async isSlow(): Promise<boolean> {
    if (this.wasInterrupted) return true;
    const signal = AbortSignal.timeout(SOON_MS);
    try {
      await (await this.contents(signal)).stat('', signal);
      return false;
    } catch {
      return true;
    }
  }

  /** Whether programs can be run for the user: opens the kernel when that was not done yet. */
  async hasKernel(signal: AbortSignal, bytes = 0): Promise<boolean> {
    if (this.kernel === undefined) this.kernel = await this.attempt(() => this.openKernel(bytes, signal), signal);
    return this.kernel !== null;
  }

  /** From now on the site counts as one without kernels: this one sees other files than the contents. */
  giveKernelUp(): void {
    this.dropKernel();
    this.kernel = null;
  }

  /**
   * Runs a program in the user's kernel, and again when the server died meanwhile: so it must be such that may be run
   * twice. `bytes` is how much it will read at most, for its token's time. Only where {@link hasKernel}.
   */
  async run(program: string, data: unknown, signal: AbortSignal, bytes = 0): Promise<unknown> {
    for (;;) {
      if (!(await this.hasKernel(signal, bytes))) throw lostKernel();
      try {
        return await this.kernel!.run(program, data, { signal });
      } catch (error) {
        // It may still be busy with the program, or be dead.
        this.dropKernel();
        this.wasInterrupted ||= signal.aborted;
        if (!(error instanceof ServerDown)) throw error;
        await this.revive(error, signal);
      }
    }
  }

  private async openKernel(bytes: number, signal: AbortSignal): Promise<Kernel | null> {
    // The token is needed to end the kernel as well, after all that it will have read.
    const { token } = await this.newGrant(GRANT_SECONDS + Math.ceil(bytes / KERNEL_PACE), signal);
    const kernel = await findKernel({ url: this.url, token, agent: this.options.agent, signal });
    if (!kernel) return null;
    try {
      if (!(await kernel.open(signal))) return null;
      await kernel.run('result = True', null, { signal, timeoutMs: FIRST_RUN_MS });
      return kernel;
    } catch (error) {
      this.endings.push(kernel.close());
      signal.throwIfAborted();
      // A kernel that dies as it starts looks like a server that is down; only one that is down does not answer.
      if (error instanceof ServerDown) await (await this.contents(signal)).stat('', signal);
      else if (!(error instanceof AppError)) throw error;
      this.options.note('The Jupyter server has a kernel that does not work', { reason: error.message });
      return null;
    }
  }

  /** A kernel that hangs takes seconds to end. */
  private dropKernel(): void {
    const { kernel } = this;
    this.kernel = undefined;
    if (kernel) this.endings.push(kernel.close());
  }

  private async currentGrant(signal: AbortSignal): Promise<ServerGrant> {
    if (this.grant && performance.now() < this.grant.renewAt) return this.grant.grant;
    const { grantSeconds = GRANT_SECONDS } = this.options;
    const grant = await this.newGrant(grantSeconds, signal);
    this.grant = { grant, renewAt: performance.now() + grantSeconds * 500 };
    return grant;
  }

  private async newGrant(seconds: number, signal: AbortSignal): Promise<ServerGrant> {
    const { user, server } = this.options;
    const grant = await this.servers.grant(user, server, seconds, signal);
    this.grants.push(grant);
    return grant;
  }

  /** Ends the kernel and takes the tokens back. Never rejects: what could not be taken back ends by itself. */
  async close(): Promise<void> {
    this.dropKernel();
    await Promise.all(this.endings);
    const signal = AbortSignal.timeout(CLOSE_MS);
    const ends = await Promise.allSettled(this.grants.map((grant) => grant.revoke(signal)));
    const failed = ends.filter((end) => end.status === 'rejected').length;
    if (failed > 0) this.options.note('Tokens could not be taken back; they end by themselves', { tokens: failed });
  }
}

function keepsDying(user: string, cause: ServerDown): AppError {
  return new AppError(
    'jupyter_unavailable',
    `The Jupyter server of ${user} went away again and again while data was sent; ${user} should see whether it has enough memory.`,
    { cause, retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

function lostKernel(): AppError {
  return new AppError(
    'jupyter_unavailable',
    "The user's Jupyter server does not start kernels any more; try again later.",
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}
