import { createParser } from 'eventsource-parser';
import { ReplyTooLong } from './http';
import { member, textMember } from './json-value';

/** One frame of the hub about a server that starts. Only `ready` and `failed` decide. */
export interface ServerProgress {
  ready: boolean;
  failed: boolean;
  /** In the hub's words, at most 200 characters; for the log, since it may name hosts of the site. */
  message: string;
  /** Where the server is, once it is ready. */
  url: string | null;
}

/** Longest frame; the hub's have some hundred characters. */
const FRAME_LIMIT = 64 * 1024;
const MESSAGE_LIMIT = 200;

/** Reads an event stream of a starting server, however it is cut into pieces; skips what is no frame. */
export async function* readProgress(pieces: AsyncIterable<Buffer>): AsyncGenerator<ServerProgress> {
  let ready: ServerProgress[] = [];
  let tooLong: Error | undefined;
  const parser = createParser({
    onEvent: ({ data }) => {
      const frame = frameOf(data);
      if (frame) ready.push(frame);
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') tooLong = new ReplyTooLong();
    },
    maxBufferSize: FRAME_LIMIT,
  });
  const decoder = new TextDecoder();
  for await (const piece of pieces) {
    parser.feed(decoder.decode(piece, { stream: true }));
    const frames = ready;
    ready = [];
    yield* frames;
    if (tooLong) throw tooLong;
  }
}

function frameOf(data: string): ServerProgress | undefined {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return undefined;
  }
  return {
    ready: member(json, 'ready') === true,
    failed: member(json, 'failed') === true,
    message: textMember(json, 'message').slice(0, MESSAGE_LIMIT),
    url: textMember(json, 'url') || null,
  };
}
