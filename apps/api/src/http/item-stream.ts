import { Breather } from './breather';
import { type StreamedBody } from './item-stream-body';
import { ItemParser } from './item-stream-parser';

/** Items in the order of a body, with the number of the first one. */
export interface ItemStep {
  first: number;
  items: unknown[];
}

/**
 * The items of a body of `{"items": [...]}`, some at a time, so that neither memory nor the others who wait depend on
 * how many there are. May be called again. Throws `validation_failed` for what has another form, so also when there are
 * more than `maxItems`.
 */
export async function* itemsOf(body: StreamedBody, maxItems: number): AsyncGenerator<ItemStep> {
  const parser = new ItemParser(maxItems);
  const breather = new Breather();
  let first = 0;
  for (const piece of body.pieces()) {
    const items = parser.write(piece);
    if (items.length > 0) yield { first, items };
    first += items.length;
    await breather.pause();
  }
  parser.end();
}
