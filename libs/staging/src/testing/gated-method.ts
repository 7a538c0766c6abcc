import { type StagingContext, type StagingMethod, type StagingOperation } from '../contract/staging-method';
import { fakeMethod, newOutcome } from './setup-staging';

/** A method whose work stands still until the test lets it go on, ends when it is asked to, and remembers what it did. */
export class GatedMethod {
  readonly method: StagingMethod;
  /** Sources in the order of their beginning. */
  readonly begun: string[] = [];
  /** Sources that are worked on now. */
  readonly under = new Map<string, { context: StagingContext; end: (error?: Error) => void }>();
  /** The most that were worked on at once. */
  most = 0;

  constructor(overrides: Partial<StagingMethod> = {}) {
    this.method = fakeMethod((operation, context) => this.stage(operation, context), overrides);
  }

  /** Ends what is worked on: well, or with an error. */
  end(source: string, error?: Error): void {
    const work = this.under.get(source);
    if (!work) throw new Error(`${source} is not worked on`);
    work.end(error);
  }

  /** The context of what is worked on. */
  contextOf(source: string): StagingContext {
    return this.under.get(source)!.context;
  }

  private async stage({ source: { asSent } }: StagingOperation, context: StagingContext) {
    this.begun.push(asSent);
    try {
      await new Promise<void>((resolve, reject) => {
        const end = (error?: Error) => (error === undefined ? resolve() : reject(error));
        this.under.set(asSent, { context, end });
        this.most = Math.max(this.most, this.under.size);
        context.signal.addEventListener('abort', () => reject(context.signal.reason as Error), { once: true });
      });
    } finally {
      this.under.delete(asSent);
    }
    return newOutcome();
  }
}
