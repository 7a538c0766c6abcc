import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo } from 'react';
import { directoryQuery, type Place } from '../../api/storage';

/** Entries that are loaded to look for a text in them; beyond, the directory is too large for a page. */
const MAX_FILTERED = 20_000;

/** What a directory holds, part by part; with a filter all of it is loaded, up to a limit. */
export function useDirectory(place: Place, filter: string) {
  const query = useInfiniteQuery(directoryQuery(place));
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const all = useMemo(() => data?.pages.flatMap(({ items }) => items) ?? [], [data]);
  const needle = filter.trim().toLowerCase();
  const entries = useMemo(
    () => (needle === '' ? all : all.filter(({ name }) => name.toLowerCase().includes(needle))),
    [all, needle],
  );
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  useEffect(() => {
    if (needle !== '' && all.length < MAX_FILTERED) loadMore();
  }, [needle, all.length, loadMore]);
  return { ...query, entries, loaded: all.length, hasMore: hasNextPage, loadMore };
}
