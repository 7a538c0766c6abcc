import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Answer } from '../support/http-client';
import { bytesOf } from '../support/files';
import { manifestOf, operationOf } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

const run = promisify(execFile);
const MIB = 1024 ** 2;
const LARGE = 64 * MIB;
const CONTENT = '0123456789';

let service: RunningService;
let folder: string;
let large: string;

beforeAll(async () => {
  service = await startService({ files: { 'obs/42.fits': CONTENT, empty: '', 'tree/one': '1' } });
  large = sha256(bytesOf('large', LARGE));
  writeFileSync(path.join(service.storage, 'large'), bytesOf('large', LARGE));
  folder = temporaryFolder();
});

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

const at = (name: string) => path.join(folder, name);
const inStorage = (name: string) => path.join(service.storage, name);

/** Asks for the link of a source; returns the operation with it. */
async function linked(name: string, query = {}, of = service): Promise<Answer['body']> {
  const asked = { method: 'direct_download', username: 'ana', ...query };
  const answer = await of.stage({ local_path_on_storage: name }, asked, { Accept: 'application/json' });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body.operation;
}

const linkOf = async (name: string, query = {}, of = service): Promise<string> =>
  (await linked(name, query, of)).download_url;

/** Begins to download, and takes no more than the kernel does. */
async function begin(address: string): Promise<IncomingMessage> {
  const [answer] = (await once(get(service.url + address, { agent: false }), 'response')) as [IncomingMessage];
  answer.on('error', () => undefined);
  return answer;
}

/** What a request comes to that no link may be told apart by. */
function refusalOf({ status, headers, body }: Answer): unknown {
  const told = Object.entries(headers).filter(([name]) => !['date', 'x-request-id'].includes(name));
  return { status, headers: Object.fromEntries(told), body };
}

describe('a link', () => {
  it('gives the file to a plain browser, which comes from elsewhere and names no origin', async () => {
    const link = await linkOf('obs/42.fits');
    const headers = {
      Accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
      'Sec-Fetch-Mode': 'navigate',
      'Sec-Fetch-Site': 'cross-site',
      Referer: 'https://chat.example/',
    };
    const answer = await service.get(link, headers);
    expect({ status: answer.status, body: answer.body.toString() }).toEqual({ status: 200, body: CONTENT });
    expect(answer.headers).toMatchObject({
      'content-disposition': 'attachment; filename="42.fits"',
      'content-type': 'application/octet-stream',
      'content-length': '10',
      'cache-control': 'private, no-store',
      'content-security-policy': 'sandbox',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    });
    for (const again of [`/api/v1${link}`, `${link}/`]) expect((await service.get(again)).status).toBe(200);
  });

  it('answers HEAD with the same headers, and other methods with those that it takes', async () => {
    const link = await linkOf('obs/42.fits');
    const { headers, status, body } = await service.request(link, { method: 'HEAD' });
    const whole = await service.get(link);
    const comparable = (of: Answer['headers']) => ({ ...of, date: '', 'x-request-id': '' });
    expect(comparable(headers)).toEqual(comparable(whole.headers));
    expect({ status, length: body.length }).toEqual({ status: 200, length: 0 });
    // A range is for GET (RFC 9110, 14.2).
    expect((await service.request(link, { method: 'HEAD', headers: { Range: 'bytes=1-2' } })).status).toBe(200);
    const posted = await service.post(link);
    expect(posted).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } });
    expect(posted.body.instance).toBe('/downloads/-');
  });

  it.each<[string, number, string, string | undefined]>([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=0-99', 206, CONTENT, 'bytes 0-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=0-1,4-5', 200, CONTENT, undefined],
    ['bytes=4-2', 200, CONTENT, undefined],
    ['lines=1-2', 200, CONTENT, undefined],
  ])('serves %s with %d', async (range, status, content, told) => {
    const answer = await service.get(await linkOf('obs/42.fits'), { Range: range });
    expect({ status: answer.status, content: answer.body.toString() }).toEqual({ status, content });
    expect(answer.headers['content-range']).toBe(told);
    expect(answer.headers['content-length']).toBe(`${content.length}`);
  });

  it('heeds conditions', async () => {
    const link = await linkOf('obs/42.fits');
    const { etag, 'last-modified': time } = (await service.request(link, { method: 'HEAD' })).headers;
    const Range = 'bytes=1-2';
    const statusOf = async (headers: Record<string, string | undefined>) => {
      const { status, body, headers: told } = await service.get(link, headers);
      if (status === 304) expect(told).toMatchObject({ etag, 'last-modified': time });
      if (status >= 300) expect(body.length).toBe(0);
      return status;
    };
    expect(await statusOf({ 'If-None-Match': etag })).toBe(304);
    expect(await statusOf({ 'If-None-Match': '"x"', Range })).toBe(206);
    expect(await statusOf({ 'If-Modified-Since': time })).toBe(304);
    expect(await statusOf({ 'If-Match': '"x"' })).toBe(412);
    expect(await statusOf({ 'If-Match': etag, Range })).toBe(206);
    expect(await statusOf({ 'If-Unmodified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' })).toBe(412);
    expect(await statusOf({ 'If-Range': etag, Range })).toBe(206);
    expect(await statusOf({ 'If-Range': time, Range })).toBe(206);
    expect(await statusOf({ 'If-Range': '"x"', Range })).toBe(200);
  });

  it('follows links between the storages, as the request did', async () => {
    const cold = temporaryFolder();
    writeFileSync(path.join(cold, 'file'), CONTENT);
    const both = { SOURCE_STORAGE_PATH: `warm=${service.storage},cold=${cold}` };
    const tiered = await startService({ env: both });
    symlinkSync(cold, inStorage('tier'));
    const operation = await linked('tier/file', {}, tiered);
    expect(operation.storage).toBe('warm');
    expect((await tiered.get(operation.download_url)).body.toString()).toBe(CONTENT);
    const absolute = await linked(path.join(service.storage, 'tier/file'), {}, tiered);
    expect((await tiered.get(absolute.download_url)).body.toString()).toBe(CONTENT);
    await tiered.stop();
  });

  it('serves an empty file', async () => {
    const answer = await service.get(await linkOf('empty'));
    expect(answer).toMatchObject({ status: 200, headers: { 'content-length': '0' }, body: Buffer.alloc(0) });
  });

  it('of a directory gives an archive, of the kind that was asked for', async () => {
    const link = await linkOf('tree', { archive: 'tar' });
    expect(link).toMatch(/\?archive=tar$/);
    const typeOf = async (address: string) =>
      (await service.get(address, { Range: 'bytes=0-1' })).headers['content-type'];
    expect(await typeOf(link)).toBe('application/x-tar');
    // Not just `tar`: the token before it is text by chance, and may hold these letters.
    expect(await typeOf(link.replace('archive=tar', 'archive=zip'))).toBe('application/zip');
    expect(await typeOf(link.replace(/\?.*/, ''))).toBe('application/zip');
    const wrong = await service.get(link.replace('archive=tar', 'archive=rar'));
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ field: 'archive' }], instance: '/downloads/-' } });
  });

  it('has the address that the site has told, prefix included', async () => {
    const known = await startService({ env: { PUBLIC_URL: 'http://127.0.0.1/pre' }, files: { file: CONTENT } });
    const link = await linkOf('file', {}, known);
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1\/pre\/downloads\/[A-Za-z0-9_-]+$/);
    expect((await known.get(link.slice('http://127.0.0.1'.length))).status).toBe(200);
    await known.stop();
  });

  it.each(['Grüße & co.fits', 'quote"s', '50%41 #?.txt', 'emoji 🔭', 'two\nlines'])(
    'gives %j its name',
    async (name) => {
      writeFileSync(inStorage(name), CONTENT);
      const { headers } = await service.get(await linkOf(name));
      expect(headers['content-disposition']).toMatch(/^attachment; [\x20-\x7e]+$/);
      const [, encoded] = /filename\*=UTF-8''([^;]+)/.exec(headers['content-disposition']!) ?? [];
      const [, quoted] = /filename="((?:[^"\\]|\\.)*)"/.exec(headers['content-disposition']!)!;
      expect(encoded === undefined ? quoted!.replace(/\\(.)/g, '$1') : decodeURIComponent(encoded)).toBe(name);
    },
  );
});

describe('a transfer that breaks', () => {
  /** Runs a client until it has some of the file, and kills it. */
  async function breakOff(command: string, ...argv: string[]): Promise<number> {
    const client = spawn(command, argv, { stdio: 'ignore' });
    const closed = once(client, 'close');
    const file = at(command);
    await until(() => existsSync(file) && statSync(file).size > MIB, `${command} does not get on`);
    client.kill('SIGKILL');
    await closed;
    return statSync(file).size;
  }

  it.each([
    ['curl', ['-sS', '-C', '-', '-o'], ['--limit-rate', '8M']],
    ['wget', ['-q', '-c', '-O'], ['--limit-rate=8m']],
  ])('is resumed by %s, to the last byte', async (command, argv, slowly) => {
    const url = service.url + (await linkOf('large'));
    const had = await breakOff(command, ...slowly, ...argv, at(command), url);
    expect(had).toBeLessThan(LARGE);
    const before = service.logText().length;
    await run(command, [...argv, at(command), url]);
    expect(sha256(readFileSync(at(command)))).toBe(large);
    await until(() => service.logText().slice(before).includes('Download complete'), 'It is not logged');
    expect(service.logText().slice(before)).toContain(`"range":"${had}-${LARGE - 1}"`);
  });

  it('is none where aria2 takes several connections at once', async () => {
    const url = service.url + (await linkOf('large'));
    // Slow enough for the first connection not to have everything before the others are asked for.
    const slowly = ['-k1M', '--max-overall-download-limit=16M', '--file-allocation=none'];
    const before = service.logText().length;
    await run('aria2c', ['-q', '-x4', '-s4', ...slowly, '-d', folder, '-o', 'aria2', url]);
    expect(sha256(readFileSync(at('aria2')))).toBe(large);
    const ranges = () =>
      service
        .logText()
        .slice(before)
        .match(/"range":"\d+-\d+"/g) ?? [];
    await until(() => new Set(ranges()).size >= 3, 'There was only one connection');
  });
});

describe('a link that does not work', () => {
  it('gets one answer, whatever is wrong with it', async () => {
    const short = await startService({ env: { DOWNLOAD_URL_TTL_SECONDS: '1' }, files: { file: CONTENT } });
    const [one, other, expiring] = [
      await linked('file', {}, short),
      await linked('file', { username: 'bob' }, short),
      await linked('file', {}, short),
    ];
    expect((await short.get(one.download_url)).status).toBe(200);
    const token = (operation: Answer['body']) => Buffer.from(operation.download_url.split('/')[2], 'base64url');
    const address = (bytes: Buffer) => `/downloads/${bytes.toString('base64url')}`;
    const [mine, theirs] = [token(one), token(other)];
    const unknown = Buffer.concat([randomBytes(16), mine.subarray(16)]);
    const later = Buffer.from(mine);
    later.writeUIntBE(Date.now() + 3_600_000, 16, 6);
    await until(async () => (await short.get(expiring.download_url)).status === 403, 'The link does not expire');
    await short.restart({ DOWNLOAD_URL_TTL_SECONDS: '3600' });
    const revoked = await linked('file', {}, short);
    expect((await short.post(`/operations/${revoked.id}/cancel`)).status).toBe(202);
    const answers = [
      await short.get(expiring.download_url),
      await short.get(revoked.download_url),
      await short.get(address(unknown)),
      await short.get(address(later)),
      await short.get(address(Buffer.concat([theirs.subarray(0, 16), mine.subarray(16)]))),
      await short.get('/downloads/nonsense'),
      await short.get(`/downloads/${'A'.repeat(10_000)}`),
      await short.get('/downloads/..%2f..%2fetc%2fpasswd'),
    ].map(refusalOf);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 403, body: { code: 'link_invalid', operation_id: null } });
    await short.stop();
  });

  it('is one of another secret, so of another start where the site has none', async () => {
    const secret = randomBytes(32).toString('hex');
    const forgetful = await startService({ files: { file: CONTENT } });
    const { id, download_url: lost } = await linked('file', {}, forgetful);
    await forgetful.restart({ DOWNLOAD_SECRET: secret });
    expect((await forgetful.get(lost)).status).toBe(403);
    const kept = (await forgetful.post(`/operations/${id}/download-url`)).body.download_url;
    await forgetful.restart();
    expect((await forgetful.get(kept)).status).toBe(200);
    await forgetful.restart({ DOWNLOAD_SECRET: secret.toUpperCase() });
    expect((await forgetful.get(kept)).status).toBe(403);
    await forgetful.stop();
  });
});

describe('a source that is no longer what it was', () => {
  it.each<[string, (file: string) => void]>([
    ['written to', (file) => writeFileSync(file, 'more than before')],
    ['touched', (file) => utimesSync(file, 1, 1)],
    [
      'replaced by its like',
      (file) => {
        const { atime, mtime } = statSync(file);
        renameSync(file, `${file}.old`);
        writeFileSync(file, CONTENT);
        utimesSync(file, atime, mtime);
      },
    ],
  ])('is not given away under its link when it was %s', async (what, change) => {
    writeFileSync(inStorage(what), CONTENT);
    utimesSync(inStorage(what), 1_700_000_000, 1_700_000_000);
    const link = await linkOf(what);
    change(inStorage(what));
    const answer = await service.get(link);
    expect(answer).toMatchObject({ status: 409, body: { code: 'source_changed' } });
    expect(answer.body.detail).toMatch(/new link/);
    expect((await service.get(await linkOf(what))).status).toBe(200);
  });

  it('is told as missing, or as outside, when it is that', async () => {
    writeFileSync(inStorage('gone'), CONTENT);
    const link = await linkOf('gone');
    rmSync(inStorage('gone'));
    expect(await service.get(link)).toMatchObject({ status: 400, body: { code: 'source_not_found' } });
    await run('ln', ['-s', '/etc/passwd', inStorage('gone')]);
    expect(await service.get(link)).toMatchObject({ status: 400, body: { code: 'path_outside_storage' } });
    await run('ln', ['-sfn', 'tree', inStorage('gone')]);
    expect(await service.get(link)).toMatchObject({ status: 409, body: { code: 'source_changed' } });
  });

  it('is given away from the handle once a transfer has begun', async () => {
    writeFileSync(inStorage('moved'), bytesOf('moved', LARGE));
    const answer = await begin(await linkOf('moved'));
    rmSync(inStorage('moved'));
    const content = Buffer.concat((await answer.toArray()) as Buffer[]);
    expect(sha256(content)).toBe(sha256(bytesOf('moved', LARGE)));
  });
});

describe('POST /operations/<id>/cancel', () => {
  it('ends the links of an operation, and what is under way', async () => {
    const { id, download_url: link } = await linked('large');
    const answer = await begin(link);
    const { body: renewed } = await service.post(`/operations/${id}/download-url`);
    const cancelled = await service.post(`/operations/${id}/cancel`);
    expect(cancelled).toMatchObject({ status: 202, body: { id, status: 'cancelled', outcome: null } });
    await expect(answer.toArray()).rejects.toThrow('aborted');
    for (const address of [link, renewed.download_url]) expect((await service.get(address)).status).toBe(403);
    expect(await operationOf(service, id)).toMatchObject({ status: 'cancelled', error_reason: expect.any(String) });
    expect(await manifestOf(service, id)).toEqual([]);
    const again = await service.post(`/operations/${id}/cancel`);
    expect(again).toMatchObject({ status: 409, body: { code: 'already_ended' } });
    const url = await service.post(`/operations/${id}/download-url`);
    expect(url).toMatchObject({ status: 409, body: { code: 'already_ended' } });
  });

  it('has nothing to end of what has no link', async () => {
    const copy = await service.stage({ local_path_on_storage: 'obs/42.fits', relative_path: 'copy' });
    const of = (id: string) => `/operations/${id}`;
    const { id } = copy.body.operation;
    expect(await service.post(`${of(id)}/cancel`)).toMatchObject({
      status: 409,
      headers: { 'x-operation-id': id },
      body: { code: 'already_ended', operation_id: id },
    });
    expect(await service.post(`${of(id)}/download-url`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    for (const unknown of ['01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70', 'nonsense']) {
      expect((await service.post(`${of(unknown)}/cancel`)).status).toBe(404);
      expect((await service.post(`${of(unknown)}/download-url`)).status).toBe(404);
    }
  });
});

describe('POST /operations/<id>/download-url', () => {
  it('gives a fresh link, also for what was streamed before', async () => {
    const streamed = await service.stage({ local_path_on_storage: 'obs/42.fits' }, { method: 'direct_download' });
    const id = String(streamed.headers['x-operation-id']);
    await until(async () => (await operationOf(service, id)).status === 'success', 'It does not end');
    const { status, body, headers } = await service.post(`/operations/${id}/download-url`);
    expect({ status, fields: Object.keys(body).sort() }).toEqual({
      status: 200,
      fields: ['download_url', 'expires_at'],
    });
    expect(headers['cache-control']).toBe('no-store');
    expect((await service.get(body.download_url)).body.toString()).toBe(CONTENT);
    expect(await operationOf(service, id)).toMatchObject({ expires_at: body.expires_at, download_url: null });
  });

  it('is not there yet while the operation runs, nor after it failed', async () => {
    const failed = await service.stage({ local_path_on_storage: 'no/such' }, { method: 'direct_download' });
    const gone = await service.post(`/operations/${failed.body.operation_id}/download-url`);
    expect(gone).toMatchObject({ status: 409, body: { code: 'already_ended' } });
    const address = `${service.url}/stage_data?method=direct_download&username=ana`;
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch(address, {
      method: 'POST',
      headers,
      body: JSON.stringify({ local_path_on_storage: 'large' }),
    });
    const id = response.headers.get('x-operation-id');
    const running = await service.post(`/operations/${id}/download-url`);
    expect(running).toMatchObject({ status: 404, body: { code: 'not_found' } });
    await response.body!.cancel();
  });
});

it('no token is ever in the log, in records or in errors', async () => {
  const tokens: string[] = [];
  for (const name of ['obs/42.fits', 'tree', 'large']) {
    const { id, download_url: link } = await linked(name);
    tokens.push(link, (await service.post(`/operations/${id}/download-url`)).body.download_url);
  }
  for (const link of tokens) {
    await service.get(`${link}?archive=rar`);
    await service.post(`/api/v1${link}`, {});
    await service.get(`/Downloads/${link.split('/')[2]}/more`);
    (await begin(link)).destroy();
  }
  await service.get('/operations/last');
  await until(() => service.logText().includes('/operations/last'), 'The log does not get on');
  const told = service.logText() + service.output + JSON.stringify((await service.get('/operations')).body);
  for (const link of tokens) expect(told).not.toContain(link.split('/')[2]);
  expect(told).toContain('/downloads/-');
});
