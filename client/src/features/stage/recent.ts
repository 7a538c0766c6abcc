import { useCallback, useState } from 'react';

/** Something that was staged from this tab. */
export interface Recent {
  kind: 'operation' | 'batch';
  id: string;
}

const KEY = 'quay.recent';
const MAX = 20;

function load(): Recent[] {
  try {
    const kept = JSON.parse(window.sessionStorage.getItem(KEY) ?? '[]') as unknown;
    return Array.isArray(kept) ? (kept as Recent[]).filter(({ id }) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}

/** What was staged from this tab, the newest first; it survives a reload. */
export function useRecent() {
  const [recent, setRecent] = useState(load);
  const update = useCallback((change: (before: Recent[]) => Recent[]) => {
    setRecent((before) => {
      const next = change(before).slice(0, MAX);
      try {
        window.sessionStorage.setItem(KEY, JSON.stringify(next));
      } catch {
        // Storage may be forbidden; then it lasts as long as the page.
      }
      return next;
    });
  }, []);
  const add = useCallback((one: Recent) => update((before) => [one, ...before]), [update]);
  const clear = useCallback(() => update(() => []), [update]);
  return { recent, add, clear };
}
