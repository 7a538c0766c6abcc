import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { request } from './client';
import type { Operation } from './types';

/**
 * Watches an operation until it has ended, the stream breaks, or the signal is aborted. By fetch and not by `EventSource`,
 * which cannot send a token. Resolves true when the operation has ended.
 */
export async function watchOperation(
  id: string,
  signal: AbortSignal,
  onState: (operation: Operation) => void,
): Promise<boolean> {
  const response = await request(`/operations/${id}/events`, { signal, headers: { Accept: 'text/event-stream' } });
  if (!response.body) return response.status === 204;
  let hasEnded = false;
  const parser = createParser({
    onEvent({ event, data }: EventSourceMessage) {
      onState(JSON.parse(data) as Operation);
      hasEnded ||= event === 'end';
    },
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done && !hasEnded; part = await reader.read()) parser.feed(part.value);
  await reader.cancel().catch(() => undefined);
  return hasEnded;
}
