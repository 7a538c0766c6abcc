import { ReplyTooLong } from './http';
import { readProgress, type ServerProgress } from './progress-stream';

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function read(text: string, size = 7): Promise<ServerProgress[]> {
  const frames: ServerProgress[] = [];
  for await (const frame of readProgress(inPieces(Buffer.from(text), size))) frames.push(frame);
  return frames;
}

const STREAM = [
  'data: {"progress": 0, "message": "Server requested"}',
  '',
  'data: no frame',
  'data: 5',
  'data: {"progress": 50, "message": "Für jane…", "ready": "yes"}',
  ': a comment',
  'data: {"progress": 100, "ready": true, "message": "Server ready", "url": "/user/jane/"}',
  '',
];

describe('readProgress', () => {
  it.each([1, 2, 3, 50, 100_000])('reads frames that come in pieces of %d bytes', async (size) => {
    const frames = await read(STREAM.join('\n\n'), size);
    expect(frames.filter(({ message }) => message !== '')).toEqual([
      { ready: false, failed: false, message: 'Server requested', url: null },
      { ready: false, failed: false, message: 'Für jane…', url: null },
      { ready: true, failed: false, message: 'Server ready', url: '/user/jane/' },
    ]);
  });

  it('does not take half a frame for one', async () => {
    expect(await read('data: {"ready": true, "url": "/user/jane/"}')).toEqual([]);
  });

  it('cuts long messages, and gives up on a frame without end', async () => {
    const [frame] = await read(`data: {"failed": true, "message": "${'x'.repeat(5000)}"}\n\n`, 1000);
    expect(frame).toMatchObject({ failed: true, message: 'x'.repeat(200) });
    await expect(read(`data: ${'x'.repeat(100_000)}`, 1000)).rejects.toThrow(ReplyTooLong);
  });
});
