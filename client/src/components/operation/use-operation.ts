import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { operationQuery } from '../../api/operations';
import { watchOperation } from '../../api/operation-events';
import { isUnfinished } from '../../api/types';

const AGAIN_MS = 2000;

/** One operation, live: by its stream of events while it goes on, by asking where the stream breaks. */
export function useOperation(id: string) {
  const queries = useQueryClient();
  const query = useQuery(operationQuery(id));
  const isLive = query.data !== undefined && isUnfinished(query.data.status);

  useEffect(() => {
    if (!isLive) return;
    const gone = new AbortController();
    const key = operationQuery(id).queryKey;
    const watch = async () => {
      while (!gone.signal.aborted) {
        const hasEnded = await watchOperation(id, gone.signal, (state) => queries.setQueryData(key, state)).catch(
          () => false,
        );
        if (hasEnded) return;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    };
    void watch();
    return () => gone.abort();
  }, [id, isLive, queries]);

  const seenLive = useRef<string | null>(null);
  useEffect(() => {
    if (isLive) seenLive.current = id;
    if (isLive || seenLive.current !== id) return;
    seenLive.current = null;
    // However its end became known: what would happen next, and what is where, has changed with it.
    for (const queryKey of [['operations'], ['operation', id], ['plan'], ['directory']]) {
      void queries.invalidateQueries({ queryKey });
    }
  }, [id, isLive, queries]);

  return query;
}
