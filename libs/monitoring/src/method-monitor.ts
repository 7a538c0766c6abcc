import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { AppError } from '@app/core';
import { AppLogger } from '@app/logging';
import { MethodRegistry, type StagingMethod } from '@app/staging';
import { Rounds } from './rounds';

/** How often the neighbours are asked, in milliseconds, and how long one may take for its answer. */
const ROUND_MS = 15_000;
const ANSWER_MS = 5000;

/** A method, and whether the service behind it answered when it was asked last. */
export interface MethodState {
  name: string;
  /** Null for a method that needs no other service. */
  available: boolean | null;
  /** Why it is not available. */
  problem: string | null;
}

/**
 * Asks from time to time whether the services behind the methods answer (a JupyterHub), so that whoever wants to know
 * has an answer at once. A neighbour that is away keeps nothing else from working.
 */
@Injectable()
export class MethodMonitor implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly states = new Map<string, MethodState>();
  private isStopping = false;
  private readonly rounds = new Rounds(ROUND_MS, () => this.look());

  constructor(
    private readonly methods: MethodRegistry,
    private readonly logger: AppLogger,
  ) {
    for (const method of methods.offered) {
      const unseen = { available: false, problem: 'It was not asked yet.' };
      const state = method.check === undefined ? { available: null, problem: null } : unseen;
      this.states.set(method.name, { name: method.name, ...state });
    }
  }

  onApplicationBootstrap(): Promise<void> {
    return this.rounds.start();
  }

  beforeApplicationShutdown(): void {
    this.rounds.stop();
    this.isStopping = true;
  }

  /** The methods that the site offers, as they were seen last. */
  get seen(): MethodState[] {
    return [...this.states.values()];
  }

  private async look(): Promise<void> {
    const asked = this.methods.offered.filter((method) => method.check !== undefined);
    await Promise.all(asked.map((method) => this.ask(method)));
  }

  private async ask(method: StagingMethod): Promise<void> {
    const { name } = method;
    const before = this.states.get(name)!;
    try {
      await method.check!(AbortSignal.timeout(ANSWER_MS));
      this.states.set(name, { name, available: true, problem: null });
      if (before.available === false) this.logger.info(`The service behind ${name} answers`);
    } catch (error) {
      if (this.isStopping) return;
      const problem = sentenceOf(error);
      this.states.set(name, { name, available: false, problem });
      if (problem !== before.problem) this.logger.warning(`The service behind ${name} is not available: ${problem}`);
    }
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `No answer for ${ANSWER_MS / 1000} s.`;
  return AppError.from(error).message;
}
