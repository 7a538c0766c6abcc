import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { NO_FILTER, type OperationFilter } from '../../api/operations';

const NAMES = Object.keys(NO_FILTER) as (keyof OperationFilter)[];

/** The filter as the address has it, so that it survives a reload, can be sent to somebody, and goes back by "back". */
export function useFilter() {
  const [search, setSearch] = useSearchParams();
  const filter = useMemo(
    () => Object.fromEntries(NAMES.map((name) => [name, search.get(name) ?? ''])) as unknown as OperationFilter,
    [search],
  );
  const change = useCallback(
    (values: Partial<OperationFilter>, isTyping = false) =>
      setSearch(
        (before) => {
          const next = new URLSearchParams(before);
          for (const [name, value] of Object.entries(values)) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        // Each letter that is typed is no step of its own to go back by.
        { replace: isTyping },
      ),
    [setSearch],
  );
  const isFiltered = NAMES.some((name) => filter[name] !== '');
  return { filter, change, isFiltered, clear: () => setSearch({}) };
}
