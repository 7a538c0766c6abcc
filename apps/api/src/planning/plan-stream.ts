import { type PlannedOperation } from '@app/staging';
import { type PlanSums } from './plan-sums';

/** Items that are planned at once: looking at the storage is mostly waiting for it. */
const AT_ONCE = 8;
/** Text that is sent at once, in characters. */
const CHUNK = 16 * 1024;

type Pending = Promise<PlannedOperation>;

/**
 * The answer to `POST /stage_data/plan` as it becomes known: the items in their order, then the totals. Eight are looked
 * at at a time. Whoever stops reading ends the planning by the signal of `plan`.
 */
export async function* planText<Item>(
  items: AsyncIterable<Item[]>,
  plan: (item: Item) => Pending,
  sums: PlanSums,
): AsyncGenerator<Buffer> {
  let text = '{"items":[';
  let separator = '';
  for await (const planned of inOrder(items, plan)) {
    text += separator + JSON.stringify(sums.add(planned));
    separator = ',';
    if (text.length >= CHUNK) {
      yield Buffer.from(text);
      text = '';
    }
  }
  yield Buffer.from(`${text}],"totals":${JSON.stringify(sums.totals())}}`);
}

/** Begins some ahead of the one that is waited for. */
async function* inOrder<Item>(
  items: AsyncIterable<Item[]>,
  plan: (item: Item) => Pending,
): AsyncGenerator<PlannedOperation> {
  const begun: Pending[] = [];
  try {
    for await (const part of items) {
      for (const item of part) {
        begun.push(begin(plan, item));
        if (begun.length >= AT_ONCE) yield await begun.shift()!;
      }
    }
    while (begun.length > 0) yield await begun.shift()!;
  } finally {
    // Nobody wants the others any more.
    await Promise.allSettled(begun);
  }
}

/** A plan that fails before its turn is told in its turn. */
function begin<Item>(plan: (item: Item) => Pending, item: Item): Pending {
  const planned = plan(item);
  planned.catch(() => undefined);
  return planned;
}
