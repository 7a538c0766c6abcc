import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, expect, it, vi } from 'vitest';
import { useOperation } from './use-operation';

afterEach(() => vi.unstubAllGlobals());

const state = (status: string) => ({ id: 'one', status });
const event = (name: string, status: string) => `event: ${name}\ndata: ${JSON.stringify(state(status))}\n\n`;

/** A service whose stream says what the test lets it say; what is asked for besides says `running`. */
function serve() {
  let stream!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (controller) => void (stream = controller) });
  vi.stubGlobal('fetch', (input: Request | string) => {
    const isStream = (typeof input === 'string' ? input : input.url).endsWith('/events');
    if (!isStream) return Promise.resolve(Response.json(state('running')));
    return Promise.resolve(new Response(body, { headers: { 'Content-Type': 'text/event-stream' } }));
  });
  return { say: (text: string) => stream.enqueue(new TextEncoder().encode(text)) };
}

function watch() {
  const queries = new QueryClient();
  const plans = vi.fn(() => Promise.resolve('plan'));
  queries.setQueryData(['operation', 'one'], state('running'));
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  void queries.fetchQuery({ queryKey: ['plan', 'of it'], queryFn: plans });
  const isPlanStale = () => queries.getQueryState(['plan', 'of it'])?.isInvalidated === true;
  return { ...renderHook(() => useOperation('one'), { wrapper }), isPlanStale, queries };
}

it.each(['end', 'state'])(
  'has what would happen next looked at anew when the end comes as the event %s',
  async (name) => {
    const service = serve();
    const { result, isPlanStale } = watch();
    service.say(event('state', 'running'));
    await waitFor(() => expect(result.current.data?.status).toBe('running'));
    expect(isPlanStale()).toBe(false);
    service.say(event(name, 'success'));
    await waitFor(() => expect(isPlanStale()).toBe(true));
  },
);

it('does so as well when the end is found by asking', async () => {
  serve();
  const { isPlanStale, queries } = watch();
  await waitFor(() => expect(queries.getQueryData(['plan', 'of it'])).toBe('plan'));
  queries.setQueryData(['operation', 'one'], state('failure'));
  await waitFor(() => expect(isPlanStale()).toBe(true));
});
