import { newId } from '../lib/new-id';
import { type Answer, api, must } from './client';
import type { StageAnswer, StageItem } from './types';

/** What is to be staged, how and for whom. */
export interface StageOrder {
  method: string;
  username: string;
  /** A named server of the user, for Jupyter. */
  server: string;
  items: StageItem[];
}

const queryOf = ({ method, username, server }: StageOrder) => ({ method, username, server: server || undefined });

/** What would happen. Nothing is made or changed by that. */
export function planOf(order: StageOrder, signal: AbortSignal) {
  return must(
    api.POST('/stage_data/plan', { params: { query: queryOf(order) }, body: { items: order.items } as never, signal }),
  );
}

/** Stages one thing in the background: the operation as it was accepted. */
export async function stageOne(order: StageOrder) {
  const header = { Prefer: 'respond-async', 'Idempotency-Key': newId() };
  // A download would come as bytes, were that asked for.
  const { operation } = await must<StageAnswer>(
    api.POST('/stage_data', {
      params: { query: queryOf(order), header },
      body: order.items[0]!,
      headers: { Accept: 'application/json' },
    }) as Promise<Answer<StageAnswer>>,
  );
  return operation;
}

/** Stages many things in the background: the batch as it was accepted. */
export function stageMany(order: StageOrder) {
  const header = { 'Idempotency-Key': newId() };
  return must(
    api.POST('/stage_data/batch', { params: { query: queryOf(order), header }, body: { items: order.items } }),
  );
}
