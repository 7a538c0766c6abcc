import { queryOptions } from '@tanstack/react-query';
import { api, must, request } from './client';
import type { Readiness } from './types';

/** What the site offers, and who asks. */
export const siteQuery = queryOptions({
  queryKey: ['config'],
  queryFn: ({ signal }) => must(api.GET('/config', { signal })),
  refetchInterval: 15_000,
  // Without it there is no page at all.
  retry: true,
  retryDelay: 3000,
});

/** Whether the service can do its work; one that cannot says why. */
export const readinessQuery = queryOptions({
  queryKey: ['readiness'],
  queryFn: async ({ signal }) => {
    const answer = await api.GET('/health/ready', { signal });
    return (answer.data ?? answer.error) as Readiness;
  },
  refetchInterval: 10_000,
});

/** Asks whether the service answers at all. */
export async function ping(signal: AbortSignal): Promise<void> {
  await request('/ping', { signal });
}
