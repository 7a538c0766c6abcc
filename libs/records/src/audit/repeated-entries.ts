import { type NewAuditEntry } from '../entities/staging-audit.entity';

/** Kinds of entries that are told apart at most, until {@link RepeatedEntries.end}. */
export const MAX_KINDS = 1000;

/** Entries that stand for several alike. */
export interface Repeated {
  entry: NewAuditEntry;
  times: number;
}

/**
 * Counts what comes again and again, such as what is refused, so that whoever asks a thousand times makes two entries
 * and not a thousand, and nobody can fill the table without being let in.
 */
export class RepeatedEntries {
  private readonly kinds = new Map<string, Repeated>();
  private others: Repeated | undefined;

  /** True for an entry that is to be written as it is; one that is like an earlier one is counted instead. */
  isFirst(entry: NewAuditEntry): boolean {
    const kind = kindOf(entry);
    const known = this.kinds.get(kind);
    if (!known && this.kinds.size < MAX_KINDS) {
      this.kinds.set(kind, { entry, times: 0 });
      return true;
    }
    if (known) this.kinds.set(kind, { entry, times: known.times + 1 });
    else this.others = { entry: ofMany(entry), times: (this.others?.times ?? 0) + 1 };
    return false;
  }

  /** True when nothing was seen since the last {@link end}. */
  get isEmpty(): boolean {
    return this.kinds.size === 0;
  }

  /** What was counted, each kind once; from here on all is new. */
  end(): Repeated[] {
    const repeated = [...this.kinds.values()].filter(({ times }) => times > 0);
    if (this.others) repeated.push(this.others);
    this.kinds.clear();
    this.others = undefined;
    return repeated;
  }
}

function kindOf({ caller, address, request, code, operationId, batchId, username }: NewAuditEntry): string {
  // Who is not known may name what they like.
  const about = caller === null ? [address] : [caller, operationId, batchId, username];
  return JSON.stringify([request, code, ...about]);
}

/** Of many kinds nothing can be told but how the last one was decided. */
function ofMany({ decision, status, code }: NewAuditEntry): NewAuditEntry {
  const nothing = { caller: null, callerName: null, role: null, address: null, asked: null, username: null };
  return { ...nothing, request: 'various', operationId: null, batchId: null, decision, status, code, requestId: null };
}
