import { type IncomingMessage, type ServerResponse } from 'node:http';
import { createTestSite, type TestSite } from '@app/files/testing';
import { type Agent } from 'undici';
import { bytesOf, writeFiles } from '../../../../test/support/files';
import { createAgent } from './client/http';
import { scriptedServer, type ScriptedServer } from './client/testing/scripted-server';
import { Token } from './client/token';
import { SingleServer } from './client/user-server';
import { CHUNK_BYTES, FileUpload } from './file-upload';
import { ServerSession } from './server-session';

const { signal } = new AbortController();

/** What becomes of one PUT: how much of it is kept, whether it is kept twice, and whether its answer comes. */
interface Fate {
  kept?: number;
  twice?: boolean;
  answers?: boolean;
}

/** A contents API as `jupyter.md` tells it, for one file: it looks at no chunk's number but 1, and tells the size. */
class OneFile {
  content: Buffer | null = null;
  /** The numbers of the chunks that came; 0 for a removal. */
  readonly chunks: number[] = [];
  /** Of the PUTs, in order; none: all goes well. */
  fates: Fate[] = [];

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => this.answerWhole(request, response, Buffer.concat(parts)));
  };

  private answerWhole({ method, url }: IncomingMessage, response: ServerResponse, body: Buffer): void {
    if (url === '/api') return this.tell(response, 200, {});
    if (method === 'PUT') {
      const fate = this.fates.shift() ?? {};
      this.put(JSON.parse(body.toString()) as { chunk: number; content: string }, fate);
      if (fate.answers === false) return void response.destroy();
    }
    if (method === 'DELETE') {
      this.chunks.push(0);
      this.content = null;
    }
    if (this.content === null) return this.tell(response, method === 'DELETE' ? 204 : 404, { message: 'gone' });
    this.tell(response, 200, { name: 'file', type: 'file', size: this.content.length });
  }

  private put({ chunk, content }: { chunk: number; content: string }, { kept, twice }: Fate): void {
    this.chunks.push(chunk);
    const bytes = Buffer.from(content, 'base64').subarray(0, kept);
    const before = chunk === 1 || this.content === null ? [] : [this.content];
    this.content = Buffer.concat([...before, bytes, ...(twice ? [bytes] : [])]);
  }

  private tell(response: ServerResponse, status: number, json: unknown): void {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status === 204 ? undefined : JSON.stringify(json));
  }
}

describe('the upload of a file', () => {
  const SIZE = 2 * CHUNK_BYTES + 1000;
  const CONTENT = bytesOf('uploaded', SIZE);
  let site: TestSite;
  let server: ScriptedServer;
  let agent: Agent;
  let there: OneFile;

  beforeAll(async () => {
    site = await createTestSite();
    writeFiles(site.storage, { large: CONTENT, empty: '' });
    agent = createAgent();
    server = await scriptedServer();
  });
  afterAll(async () => {
    await agent.destroy();
    await server.close();
    await site.close();
  });
  beforeEach(() => {
    there = new OneFile();
    server.answer = there.answer;
  });

  const upload = async (name: string, fates: Fate[] = []) => {
    there.fates = fates;
    const source = new SingleServer({ url: server.url, token: new Token('t'), agent });
    const options = { user: 'jane', server: '', startTimeoutMs: 5000, agent, note: () => undefined };
    const session = new ServerSession(source, options);
    await session.start(signal);
    const file = await site.reader.open({ path: name, storage: undefined, asSent: name, username: 'jane' }, signal);
    if (file.kind !== 'file') throw new Error('no file');
    try {
      await new FileUpload(session, 'file', file, signal).run();
    } finally {
      await file.close();
      await session.close();
    }
  };
  const expectWhole = () => expect(there.content?.equals(CONTENT)).toBe(true);

  it('sends chunks in order, the first and the last marked as such', async () => {
    await upload('large');
    expect(there.chunks).toEqual([1, 2, -1]);
    expectWhole();
  });

  it('sends what has one chunk, or nothing in it, at once', async () => {
    await upload('empty');
    expect(there.chunks).toEqual([1]);
    expect(there.content).toHaveLength(0);
  });

  it.each([
    ['the first chunk, which was kept', [{ answers: false }], [1, 2, -1]],
    ['the first chunk, of which nothing was kept', [{ kept: 0, answers: false }], [1, 0, 1, 2, -1]],
    ['the first chunk, of which a part was kept', [{ kept: 1000, answers: false }], [1, 2, -1]],
    ['a middle chunk, which was kept', [{}, { answers: false }], [1, 2, -1]],
    ['a middle chunk, of which nothing was kept', [{}, { kept: 0, answers: false }], [1, 2, 2, -1]],
    ['a middle chunk, of which a part was kept', [{}, { kept: 12_345, answers: false }], [1, 2, -1]],
    ['the last chunk, which was kept', [{}, {}, { answers: false }], [1, 2, -1]],
    ['the last chunk, of which a part was kept', [{}, {}, { kept: 1, answers: false }], [1, 2, -1, -1]],
    [
      'two chunks',
      [
        { kept: 10, answers: false },
        { kept: 10, answers: false },
      ],
      [1, 2, 2, 2, -1],
    ],
  ])('goes on from where it is after no answer came to %s', async (_what, fates, chunks) => {
    await upload('large', fates);
    expect(there.chunks).toEqual(chunks);
    expectWhole();
  });

  it.each([
    ['a chunk that was kept twice', [{}, { twice: true }], [1, 2, 0, 1, 2, -1]],
    ['a chunk that was kept twice and not answered', [{}, { twice: true, answers: false }], [1, 2, 0, 1, 2, -1]],
    ['a chunk that was lost', [{}, { kept: 0 }], [1, 2, 0, 1, 2, -1]],
  ])('begins anew after %s', async (_what, fates, chunks) => {
    await upload('large', fates);
    expect(there.chunks).toEqual(chunks);
    expectWhole();
  });

  it('gives up when sizes make no sense again and again', async () => {
    const fates = Array.from({ length: 5 }, () => ({ kept: 7 }));
    await expect(upload('large', fates)).rejects.toMatchObject({ code: 'jupyter_rejected' });
    expect(there.chunks).toEqual([1, 0, 1, 0, 1]);
    await expect(
      upload(
        'empty',
        Array.from({ length: 4 }, () => ({ answers: false })),
      ),
    ).resolves.toBeUndefined();
  });

  it('gives up when the server goes away again and again', async () => {
    const fates = Array.from({ length: 5 }, () => ({ kept: 0, answers: false }));
    await expect(upload('large', fates)).rejects.toMatchObject({ code: 'jupyter_unavailable' });
    expect(there.chunks).toEqual([1, 0, 1, 0, 1, 0, 1]);
  });
});
