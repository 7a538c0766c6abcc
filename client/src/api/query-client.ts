import { QueryClient } from '@tanstack/react-query';
import { Problem } from './problem';

/** Answers by the service that say no will say so again; what did not answer is asked once more. */
function isWorthAnotherTry(failures: number, error: unknown): boolean {
  return failures < 2 && error instanceof Problem && (error.isUnreachable || error.status >= 502);
}

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // The service may be on this very host: being offline says nothing of it.
      queries: { retry: isWorthAnotherTry, networkMode: 'always', staleTime: 2000 },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}
