/** How much is encoded at once: a multiple of 3, so that nothing is padded but the end. */
const STEP = 192 * 1024;

/** Thrown when a body did not get as many bytes as were announced; the request is broken off. */
export class WrongLength extends Error {
  constructor() {
    super('The content is not as long as it was said to be');
    this.name = 'WrongLength';
  }
}

/** The body of a PUT that carries `length` bytes of content, and its own exact length. */
export function base64Body(
  model: Record<string, unknown>,
  pieces: AsyncIterable<Buffer>,
  length: number,
): { body: AsyncIterable<Buffer>; length: number } {
  const head = Buffer.from(`${JSON.stringify(model).slice(0, -1)},"content":"`);
  const tail = Buffer.from('"}');
  const body = async function* (): AsyncGenerator<Buffer> {
    yield head;
    yield* encode(pieces, length);
    yield tail;
  };
  return { body: body(), length: head.length + Math.ceil(length / 3) * 4 + tail.length };
}

/** Base64 of pieces of any length, in pieces of some hundred kB; throws {@link WrongLength} before it sends too much. */
async function* encode(pieces: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  let seen = 0;
  for await (const piece of pieces) {
    seen += piece.length;
    if (seen > length) throw new WrongLength();
    // At most two bytes are carried over; the piece itself is copied once, by the encoding.
    const missing = rest.length === 0 ? 0 : Math.min(3 - rest.length, piece.length);
    rest = Buffer.concat([rest, piece.subarray(0, missing)]);
    if (rest.length === 3) {
      yield base64(rest);
      rest = Buffer.alloc(0);
    }
    if (rest.length > 0) continue;
    const whole = missing + Math.floor((piece.length - missing) / 3) * 3;
    for (let at = missing; at < whole; at += STEP) yield base64(piece.subarray(at, Math.min(at + STEP, whole)));
    rest = Buffer.from(piece.subarray(whole));
  }
  if (seen !== length) throw new WrongLength();
  if (rest.length > 0) yield base64(rest);
}

function base64(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('base64'), 'latin1');
}
