import { useCallback, useEffect, useState } from 'react';
import type { Operation, SiteConfig } from '../../api/types';
import type { Order } from './order';

const USER_KEY = 'quay.username';

function rememberedUser(): string {
  try {
    return window.localStorage.getItem(USER_KEY) ?? '';
  } catch {
    return '';
  }
}

function remember(username: string): void {
  try {
    window.localStorage.setItem(USER_KEY, username);
  } catch {
    // Storage may be forbidden; then it is written again.
  }
}

function firstOrder(config: SiteConfig, username: string | null, again: Operation | undefined): Order {
  const usable = config.methods.find(({ available }) => available !== false) ?? config.methods[0];
  const empty: Order = {
    method: usable?.name ?? '',
    username: username ?? rememberedUser(),
    server: '',
    storage: config.storages[0]?.name ?? '',
    sources: [],
    destination: null,
  };
  if (!again || again.local_path_on_storage === null) return empty;
  return {
    method: config.allowed_methods.includes(again.method) ? again.method : empty.method,
    username: again.username,
    server: again.server ?? '',
    storage: again.storage ?? empty.storage,
    sources: [{ text: again.local_path_on_storage, encoding: again.name_encoding }],
    destination: again.relative_path,
  };
}

/** What is about to be staged, begun anew or as an earlier operation had it. */
export function useOrder(config: SiteConfig, username: string | null, again: Operation | undefined) {
  const [order, setOrder] = useState(() => firstOrder(config, username, again));
  const change = useCallback((values: Partial<Order>) => setOrder((before) => ({ ...before, ...values })), []);
  // Who signs in while the page is open stages for themselves.
  useEffect(() => {
    if (username !== null) change({ username });
  }, [username, change]);
  useEffect(() => {
    if (username === null) remember(order.username);
  }, [order.username, username]);
  return [order, change] as const;
}
