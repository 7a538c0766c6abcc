import fc from 'fast-check';
import { base64Body, WrongLength } from './base64-body';

async function* inPieces(pieces: Uint8Array[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield await Promise.resolve(Buffer.from(piece));
}

async function collect(body: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for await (const piece of body) all.push(piece);
  return all;
}

describe('base64Body', () => {
  it('carries the same bytes however they are cut, and knows its exact length', async () => {
    const cuts = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(cuts, async (pieces) => {
        const content = Buffer.concat(pieces);
        const { body, length } = base64Body({ type: 'file', chunk: 1 }, inPieces(pieces), content.length);
        const sent = Buffer.concat(await collect(body));
        expect(sent.length).toBe(length);
        expect(JSON.parse(sent.toString())).toEqual({ type: 'file', chunk: 1, content: content.toString('base64') });
      }),
    );
  });

  it('never holds a large piece twice: it comes out in small ones', async () => {
    const large = Buffer.alloc(5_000_001, 7);
    const { body } = base64Body({ a: 1 }, inPieces([Buffer.from([1]), large]), large.length + 1);
    const sent = await collect(body);
    expect(Math.max(...sent.map((piece) => piece.length))).toBeLessThanOrEqual(256 * 1024);
  });

  it.each([
    ['too few', 4],
    ['too many', 2],
  ])('breaks off when there are %s bytes', async (_title, length) => {
    const { body } = base64Body({ a: 1 }, inPieces([Buffer.from('ab'), Buffer.from('c')]), length);
    await expect(collect(body)).rejects.toThrow(WrongLength);
  });
});
