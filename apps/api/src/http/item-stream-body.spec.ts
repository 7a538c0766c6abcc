import { createHash, randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { type Request } from 'express';
import { readStreamedBody, StreamedBody } from './item-stream-body';

const bytesOf = (body: StreamedBody) => Buffer.concat([...body.pieces()]);
const asRequest = (stream: PassThrough) => stream as unknown as Request;

describe('StreamedBody', () => {
  it('keeps all bytes in their order, whatever the chunks', async () => {
    const text = Buffer.from(randomBytes(200_000).toString('base64') + '✓é'.repeat(1000));
    for (const size of [1000, 65_535, 65_536, 65_537, text.length]) {
      const body = new StreamedBody();
      for (let start = 0; start < text.length; start += size) body.add(text.subarray(start, start + size));
      body.end();
      expect(bytesOf(body).equals(text)).toBe(true);
      expect(body.length).toBe(text.length);
      expect([...body.pieces()].every((piece) => piece.length <= 65_536)).toBe(true);
      expect(await body.digest()).toBe(createHash('sha256').update(text).digest('hex'));
    }
  });

  it('takes no more memory for many small chunks than for their bytes', () => {
    const body = new StreamedBody();
    const before = process.memoryUsage();
    for (let count = 0; count < 1_000_000; count += 1) body.add(Buffer.from('ab'));
    const after = process.memoryUsage();
    expect(body.length).toBe(2_000_000);
    expect([...body.pieces()]).toHaveLength(Math.ceil(2_000_000 / 65_536));
    expect(after.external - before.external).toBeLessThan(30_000_000);
  });

  it.each([
    ['a byte that begins nothing', [0xff]],
    ['a character that goes on wrongly', [0xe2, 0x9c, 0x41]],
    ['a half surrogate', [0xed, 0xa0, 0x80]],
    ['a cut character at the end', [0x41, 0xe2, 0x9c]],
  ])('refuses %s', (_what, bytes) => {
    const body = new StreamedBody();
    expect(() => {
      for (const byte of bytes) body.add(Buffer.from([byte]));
      body.end();
    }).toThrow('body is not UTF-8.');
  });
});

describe('readStreamedBody', () => {
  it('reads up to the limit', async () => {
    const stream = new PassThrough();
    const read = readStreamedBody(asRequest(stream), 10);
    stream.write('01234');
    stream.end('56789');
    expect(bytesOf(await read).toString()).toBe('0123456789');
  });

  it('stops at once beyond the limit, and lets the rest pass', async () => {
    const stream = new PassThrough({ highWaterMark: 16 });
    const read = readStreamedBody(asRequest(stream), 10);
    stream.write('01234567890');
    await expect(read).rejects.toMatchObject({
      code: 'payload_too_large',
      message: expect.stringContaining('10 bytes'),
    });
    expect(stream.destroyed).toBe(false);
    const flushed = new Promise((resolve) => stream.end(Buffer.alloc(1000), () => resolve(true)));
    expect(await flushed).toBe(true);
  });

  it('ends as a hang-up when the caller goes away, before or meanwhile', async () => {
    const stream = new PassThrough();
    const read = readStreamedBody(asRequest(stream), 10);
    stream.write('0');
    stream.destroy(new Error('aborted'));
    await expect(read).rejects.toMatchObject({ name: 'AbortError' });
    await expect(readStreamedBody(asRequest(stream), 10)).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('leaves no listeners behind', async () => {
    const stream = new PassThrough();
    const read = readStreamedBody(asRequest(stream), 10);
    stream.end('1');
    await read;
    expect(['data', 'end', 'close'].map((event) => stream.listenerCount(event))).toEqual([0, 0, 0]);
  });
});
