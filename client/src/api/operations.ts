import { infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import { type Answer, api, must } from './client';
import { isUnfinished, type ManifestPage, type Status } from './types';

/** Which operations are looked for; empty text does not matter. */
export interface OperationFilter {
  status: string;
  method: string;
  username: string;
  batch: string;
  q: string;
  from: string;
  to: string;
}

export const NO_FILTER: OperationFilter = { status: '', method: '', username: '', batch: '', q: '', from: '', to: '' };

/** The filter as the API takes it. */
export function asQuery({ status, method, username, batch, q, from, to }: OperationFilter) {
  return {
    status: (status || undefined) as Status | undefined,
    method: method || undefined,
    username: username || undefined,
    batch_id: batch || undefined,
    q: q || undefined,
    from: momentOf(from),
    to: momentOf(to),
  };
}

/** A local date and time of a form, in UTC. */
function momentOf(local: string): string | undefined {
  const date = new Date(local);
  return local === '' || Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

const PAGE = 50;
/** Pages that are asked for again and again; beyond, somebody looks at what is old. */
const LIVE_PAGES = 2;

export const operationsQuery = (filter: OperationFilter) =>
  infiniteQueryOptions({
    queryKey: ['operations', filter],
    queryFn: ({ pageParam, signal }) =>
      must(
        api.GET('/operations', { params: { query: { ...asQuery(filter), limit: PAGE, cursor: pageParam } }, signal }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) <= LIVE_PAGES ? 3000 : 15_000),
  });

export const operationQuery = (id: string) =>
  queryOptions({
    queryKey: ['operation', id],
    queryFn: ({ signal }) => must(api.GET('/operations/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => (state.data && isUnfinished(state.data.status) ? 5000 : false),
  });

export const operationLogQuery = (id: string, isLive: boolean) =>
  queryOptions({
    queryKey: ['operation', id, 'log'],
    queryFn: ({ signal }) =>
      must(api.GET('/operations/{id}/log', { params: { path: { id }, query: { limit: 200 } }, signal })),
    refetchInterval: isLive ? 2000 : false,
  });

export const manifestQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['operation', id, 'files'],
    queryFn: ({ pageParam, signal }) =>
      // It would come as text, were that asked for.
      must<ManifestPage>(
        api.GET('/operations/{id}/files', {
          params: { path: { id }, query: { limit: 100, cursor: pageParam } },
          signal,
        }) as Promise<Answer<ManifestPage>>,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

export const batchQuery = (id: string) =>
  queryOptions({
    queryKey: ['batch', id],
    queryFn: ({ signal }) => must(api.GET('/batches/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => (state.data?.finished_at === null ? 2000 : false),
  });

const BATCHES = 12;

/** All batches, newest first; what is told of each is known as if it had been asked for by itself. */
export const batchesQuery = (queries: QueryClient) =>
  infiniteQueryOptions({
    queryKey: ['batches'],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: BATCHES, cursor: pageParam };
      const page = await must(api.GET('/batches', { params: { query }, signal }));
      for (const batch of page.items) queries.setQueryData(batchQuery(batch.batch_id).queryKey, batch);
      return page;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) <= 1 ? 10_000 : false),
  });

/** What can be done with an operation that is there. */
export type OperationAction = 'cancel' | 'retry' | 'release';

export function actOnOperation(id: string, action: OperationAction) {
  const params = { params: { path: { id } } };
  if (action === 'cancel') return must(api.POST('/operations/{id}/cancel', params));
  if (action === 'retry') return must(api.POST('/operations/{id}/retry', params));
  return must(api.POST('/operations/{id}/release', params));
}

export function actOnBatch(id: string, action: 'cancel' | 'retry') {
  const params = { params: { path: { id } } };
  return action === 'cancel'
    ? must(api.POST('/batches/{id}/cancel', params))
    : must(api.POST('/batches/{id}/retry', params));
}

export function renewDownload(id: string) {
  return must(api.POST('/operations/{id}/download-url', { params: { path: { id } } }));
}
