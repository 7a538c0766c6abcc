import { type IncomingMessage, type ServerResponse } from 'node:http';
import { scriptedServer, type ScriptedServer } from '../client/testing/scripted-server';

/** Something in the contents that are played; a directory has no content. */
interface Entry {
  content: Buffer | null;
  modified: string;
}

/** What is done with a request instead of answering it as usual; undefined: as usual. */
export type Interruption = (request: IncomingMessage, response: ServerResponse) => boolean | void;

/** A time at which everything that is uploaded was changed last. */
export const UPLOADED_AT = '2026-01-02T03:04:05.678901Z';

/** A hub with one user, jane, and her server, in memory: as `jupyter.md` tells them, as far as the method asks. */
export class PlayedSite {
  readonly entries = new Map<string, Entry>();
  isRunning = true;
  hasKernel = false;
  /** Tokens that were made and not taken back. */
  readonly tokens = new Set<string>();
  interrupt: Interruption = () => false;
  private minted = 0;

  private constructor(readonly server: ScriptedServer) {
    server.answer = (request, response) => {
      const parts: Buffer[] = [];
      if (this.interrupt(request, response)) return;
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => this.answer(request, response, Buffer.concat(parts)));
    };
  }

  static async open(): Promise<PlayedSite> {
    return new PlayedSite(await scriptedServer());
  }

  /** Requests that were made, without those that only look: `POST /hub/api/users/jane/server`. */
  get changes(): string[] {
    const changing = this.server.received.filter(({ method }) => method !== 'GET');
    return changing.map(({ method, url }) => `${method} ${url}`);
  }

  put(path: string, content: string | null, modified = UPLOADED_AT): void {
    this.entries.set(path, { content: content === null ? null : Buffer.from(content), modified });
  }

  private answer({ method, url }: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const tell = (status: number, json: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(status === 204 ? undefined : JSON.stringify(json));
    };
    const path = url!.split('?')[0]!;
    const json = () => JSON.parse(body.toString()) as Record<string, unknown>;
    if (path === '/hub/api/users/jane') {
      const running = { pending: null, ready: true, url: '/user/jane/' };
      return tell(200, { name: 'jane', servers: this.isRunning ? { '': running } : {} });
    }
    if (path === '/hub/api/users/jane/server') {
      this.isRunning = true;
      return tell(201, {});
    }
    if (path === '/hub/api/users/jane/tokens') return tell(201, this.mint());
    if (path.startsWith('/hub/api/users/jane/tokens/')) {
      this.tokens.delete(path.split('/').at(-1)!);
      return tell(204, {});
    }
    if (path === '/user/jane/api') return tell(200, { version: '1' });
    if (path === '/user/jane/api/kernelspecs') {
      const kernelspecs = this.hasKernel ? { python3: { spec: { language: 'python' } } } : {};
      return tell(200, { default: 'python3', kernelspecs });
    }
    if (path === '/user/jane/api/kernels') return tell(201, { id: 'k' });
    if (path === '/user/jane/api/kernels/k') return tell(204, {});
    const prefix = '/user/jane/api/contents/';
    if (!path.startsWith(prefix)) return tell(404, { message: 'No such thing' });
    this.contents(method!, decodeURIComponent(path.slice(prefix.length)), json, tell);
  }

  private contents(
    method: string,
    path: string,
    json: () => Record<string, unknown>,
    tell: (status: number, json: unknown) => void,
  ): void {
    const found = path === '' ? { content: null, modified: UPLOADED_AT } : this.entries.get(path);
    if (method === 'PUT') {
      const { type, content, chunk } = json();
      const before = chunk === 1 || !found?.content ? Buffer.alloc(0) : found.content;
      const bytes = type === 'directory' ? null : Buffer.concat([before, Buffer.from(content as string, 'base64')]);
      this.entries.set(path, { content: bytes, modified: UPLOADED_AT });
      return tell(201, this.model(path));
    }
    if (!found) return tell(404, { message: 'No such thing' });
    if (method === 'DELETE') {
      this.entries.delete(path);
      return tell(204, {});
    }
    if (method === 'PATCH') {
      const to = json().path as string;
      if (this.entries.has(to)) return tell(409, { message: 'It exists' });
      this.entries.delete(path);
      this.entries.set(to, found);
      return tell(200, this.model(to));
    }
    const below = [...this.entries.keys()].filter((name) => name.split('/').slice(0, -1).join('/') === path);
    tell(200, { ...this.model(path), content: below.map((name) => this.model(name)) });
  }

  private model(path: string) {
    const { content, modified } = this.entries.get(path) ?? { content: null, modified: UPLOADED_AT };
    const facts = { name: path.split('/').at(-1), last_modified: modified, writable: true };
    return { ...facts, type: content === null ? 'directory' : 'file', size: content === null ? null : content.length };
  }

  private mint() {
    const id = `t${(this.minted += 1)}`;
    this.tokens.add(id);
    return { id, token: `secret-${id}` };
  }
}
