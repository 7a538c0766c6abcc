import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { cleanUpAfterEach } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { bytesOf, contentOf, makeTree, snapshot } from '../support/files';
import { mariadbMissing, startMariadb } from '../support/mariadb';
import { logOf, manifestOf, metric, operationOf, operations } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

const run = promisify(execFile);
const MIB = 1024 ** 2;
/** More than both ends of a connection keep for each other, so that it stalls when nobody reads. */
const LARGE = 64 * MIB;
const QUERY = { method: 'direct_download', username: 'ana' };
const ADDRESS = '/stage_data?method=direct_download&username=ana';

let service: RunningService;

cleanUpAfterEach();
beforeAll(async () => {
  service = await startService({
    env: { DOWNLOAD_IDLE_SECONDS: '30' },
    files: { 'obs/42.fits': 'SIMPLE  =', empty: '', 'tree/one': '1', 'tree/sub/two': '22' },
  });
  writeFileSync(path.join(service.storage, 'large'), bytesOf('large', LARGE));
  mkdirSync(path.join(service.storage, 'tree/nothing'));
});

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const inStorage = (name: string) => path.join(service.storage, name);
const body = (name: string, more = {}) => ({ local_path_on_storage: name, ...more });

/** Asks for a download, and takes no more of its answer than the kernel does. */
async function begin(name: string, address = ADDRESS, of = service): Promise<IncomingMessage> {
  const headers = { 'Content-Type': 'application/json' };
  const sent = request(of.url + address, { method: 'POST', agent: false, headers });
  sent.end(JSON.stringify(body(name)));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.on('error', () => undefined);
  return answer;
}

const idOf = (answer: IncomingMessage) => String(answer.headers['x-operation-id']);
const whole = async (answer: IncomingMessage) => Buffer.concat((await answer.toArray()) as Buffer[]);

/** Waits until the operation has ended, and returns its record. */
async function ended(id: string, of = service): Promise<Awaited<ReturnType<typeof operationOf>>> {
  await until(async () => (await operationOf(of, id)).status !== 'running', `${id} does not end`);
  return operationOf(of, id);
}

describe('a download that is streamed', () => {
  it('is what older clients get: the file, by its name', async () => {
    const folder = temporaryFolder();
    const data = JSON.stringify({ data: body('obs/42.fits', { relative_path: '' }) });
    const curl = ['-sS', '-OJ', '-H', 'Content-Type: application/json', '-d', data];
    await run('curl', [...curl, `${service.url}/stage-data/?method=direct_dowload&username=ana`], { cwd: folder });
    expect(readdirSync(folder)).toEqual(['42.fits']);
    expect(readFileSync(path.join(folder, '42.fits'), 'utf8')).toBe('SIMPLE  =');
  });

  it('tells all of the file, and is settled with its last byte', async () => {
    const { mtimeMs } = statSync(inStorage('obs/42.fits'));
    const { status, headers, body: content } = await service.stage(body('obs/42.fits'), QUERY);
    expect({ status, content: content.toString() }).toEqual({ status: 200, content: 'SIMPLE  =' });
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="42.fits"',
      'content-length': '9',
      'accept-ranges': 'bytes',
      'last-modified': new Date(Math.floor(mtimeMs / 1000) * 1000).toUTCString(),
      'x-content-type-options': 'nosniff',
      'content-security-policy': 'sandbox',
      'referrer-policy': 'no-referrer',
      'cache-control': 'private, no-store',
      vary: 'Accept, Prefer',
      etag: expect.stringMatching(/^"[0-9a-f-]+"$/),
    });
    const id = String(headers['x-operation-id']);
    expect(await ended(id)).toMatchObject({
      method: 'direct_download',
      status: 'success',
      outcome: 'staged',
      kind: 'file',
      relative_path: null,
      staged_path: null,
      files_done: 1,
      bytes_total: 9,
      bytes_done: 9,
      download_url: null,
      expires_at: null,
    });
    expect(await manifestOf(service, id)).toMatchObject([{ path: '42.fits', kind: 'file', size: 9 }]);
    const line = (await logOf(service, id)).find(({ message }) => message === 'Download complete');
    expect(line).toMatchObject({ bytes: 9, complete: true, duration_ms: expect.any(Number) });
  });

  it('has no ranges and no conditions, which are for GET', async () => {
    const headers = { Range: 'bytes=1-2', 'If-None-Match': '*', 'If-Match': '"x"' };
    const answer = await service.stage(body('obs/42.fits'), QUERY, headers);
    expect({ status: answer.status, length: answer.body.length }).toEqual({ status: 200, length: 9 });
  });

  it.each(['empty', 'large'])('brings all of the file %s', async (name) => {
    const before = await metric(service, 'staging_bytes_total{method="direct_download"}');
    const { body: content } = await service.stage(body(name), QUERY);
    expect(sha256(content)).toBe(sha256(readFileSync(inStorage(name))));
    const size = name === 'large' ? LARGE : 0;
    expect(await metric(service, 'staging_bytes_total{method="direct_download"}')).toBe(before + size);
  });

  it('is refused as everything else is, with a problem document', async () => {
    symlinkSync('/etc/passwd', inStorage('way out'));
    const refused = async (sent: unknown) => {
      const { status, headers, body: problem } = await service.stage(sent, QUERY);
      expect(headers).not.toHaveProperty('content-disposition');
      return { status, type: headers['content-type'], code: problem.code };
    };
    const type = 'application/problem+json';
    expect(await refused(body('no/such'))).toEqual({ status: 400, type, code: 'source_not_found' });
    expect(await refused(body('way out'))).toEqual({ status: 400, type, code: 'path_outside_storage' });
    expect(await refused(body('../areas'))).toEqual({ status: 400, type, code: 'path_outside_storage' });
    const archive = await service.stage(body('tree'), { ...QUERY, archive: 'rar' });
    expect(archive).toMatchObject({ status: 422, body: { errors: [{ field: 'archive' }] } });
    for (const server of ['', 'a/b', 'x'.repeat(256)]) {
      const answer = await service.stage(body('tree'), { ...QUERY, server });
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ field: 'server' }] } });
    }
  });

  it('is compared with what the caller expects before anything is sent', async () => {
    const right = { checksum: { algorithm: 'sha256', value: sha256('SIMPLE  =') } };
    const good = await service.stage(body('obs/42.fits', right), QUERY);
    const digest = Buffer.from(right.checksum.value, 'hex').toString('base64');
    expect(good.headers['repr-digest']).toBe(`sha-256=:${digest}:`);
    // From now on it is known.
    const again = await service.stage(body('obs/42.fits'), QUERY);
    expect(again.headers['repr-digest']).toBe(`sha-256=:${digest}:`);
    expect(await ended(String(again.headers['x-operation-id']))).toMatchObject({ checksum: right.checksum });
    const wrong = { checksum: { algorithm: 'md5', value: '0'.repeat(32) } };
    const bad = await service.stage(body('obs/42.fits', wrong), QUERY);
    expect(bad).toMatchObject({ status: 502, body: { code: 'checksum_mismatch' } });
    expect(bad.headers).not.toHaveProperty('etag');
    const tree = await service.stage(body('tree', wrong), QUERY);
    expect(tree).toMatchObject({ status: 422, body: { errors: [{ field: 'checksum' }] } });
  });
});

describe('the operation instead of the content', () => {
  it.each([
    [{ Accept: 'application/json' }, 200],
    [{ Prefer: 'respond-async' }, 202],
    [{ Accept: '*/*', Prefer: 'wait=1, respond-async' }, 202],
  ])('is answered for %j', async (headers, status) => {
    const answer = await service.stage(body('obs/42.fits'), QUERY, headers);
    const { operation } = answer.body;
    expect(answer).toMatchObject({ status, body: { status: 'success', message: expect.any(String) } });
    expect(operation).toMatchObject({ status: 'success', files_done: 0, bytes_total: 9, bytes_done: 0 });
    expect(operation.download_url).toMatch(/^\/downloads\/[A-Za-z0-9_-]+$/);
    expect(Date.parse(operation.expires_at)).toBeGreaterThan(Date.now() + 3_500_000);
    expect(answer.headers['x-operation-id']).toBe(operation.id);
    expect(answer.headers.vary).toBe('Accept, Prefer');
    const applied = [answer.headers['preference-applied'], answer.headers.location];
    const expected = status === 202 ? ['respond-async', `/operations/${operation.id}`] : [undefined, undefined];
    expect(applied).toEqual(expected);
    expect(await operationOf(service, operation.id)).toEqual({ ...operation, download_url: null });
  });

  it('is what other methods answer with, whatever is accepted', async () => {
    const copied = body('obs/42.fits', { relative_path: 'copy' });
    const answer = await service.stage(copied, {}, { Accept: 'application/octet-stream' });
    expect(answer).toMatchObject({ status: 200, body: { operation: { method: 'local_copy', download_url: null } } });
    expect(answer.headers).not.toHaveProperty('vary');
  });
});

describe('a directory', () => {
  it.each([
    ['zip', 'application/zip', ['unzip', '-q']],
    ['tar', 'application/x-tar', ['bsdtar', '-xpf']],
  ])('comes as %s', async (format, type, extract) => {
    const folder = temporaryFolder();
    const { headers, body: content } = await service.stage(body('tree'), { ...QUERY, archive: format });
    expect(headers).toMatchObject({
      'content-type': type,
      'content-disposition': `attachment; filename="tree.${format}"`,
      'accept-ranges': 'none',
      'transfer-encoding': 'chunked',
    });
    writeFileSync(path.join(folder, 'archive'), content);
    execFileSync(extract[0]!, [...extract.slice(1), 'archive'], { cwd: folder });
    const [got, there] = [path.join(folder, 'tree'), inStorage('tree')].map(snapshot);
    expect(contentOf(got!)).toEqual(contentOf(there!));
    const id = String(headers['x-operation-id']);
    expect(await ended(id)).toMatchObject({ kind: 'directory', files_total: 2, files_done: 2, bytes_done: 3 });
  });

  it('breaks off when it changes while it is sent', async () => {
    makeTree(inStorage('moving'), { files: 40, sizes: [2 * MIB] });
    const answer = await begin('moving');
    // The last of them has not been read yet: most of the tree does not fit between us.
    for (const name of readdirSync(inStorage('moving/d000'))) utimesSync(inStorage(`moving/d000/${name}`), 1, 1);
    appendFileSync(inStorage('moving/d000/f000039'), 'more');
    rmAll('moving/d000', 30);
    await expect(whole(answer)).rejects.toThrow('aborted');
    expect(await ended(idOf(answer))).toMatchObject({ status: 'failure', error_code: 'source_changed' });
    expect((await logOf(service, idOf(answer))).map(({ message }) => message)).toContain('Download failed');
  });
});

/** Removes the files of a directory of the storage from one on. */
function rmAll(directory: string, from: number): void {
  const names = readdirSync(inStorage(directory)).sort().slice(from);
  execFileSync(
    'rm',
    names.map((name) => inStorage(`${directory}/${name}`)),
  );
}

describe('a file that is touched while it is sent', () => {
  const start = async (name: string) => {
    writeFileSync(inStorage(name), bytesOf(name, LARGE));
    return begin(name);
  };

  it('is the one that was opened, whatever has its name', async () => {
    const answer = await start('swapped');
    renameSync(inStorage('swapped'), inStorage('elsewhere'));
    writeFileSync(inStorage('swapped'), 'something else');
    expect(sha256(await whole(answer))).toBe(sha256(bytesOf('swapped', LARGE)));
    expect(await ended(idOf(answer))).toMatchObject({ status: 'success', bytes_done: LARGE });
  });

  it.each<[string, (file: string) => void]>([
    ['cut off', (file) => truncateSync(file, LARGE / 2)],
    ['written to, in its last byte', (file) => writeFileSync(file, '!', { flag: 'r+' })],
    ['grown', (file) => appendFileSync(file, 'more')],
  ])('breaks the connection when it is %s', async (what, change) => {
    const answer = await start(what);
    change(inStorage(what));
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await expect(once(answer, 'end')).rejects.toThrow('aborted');
    expect(bytes).toBeLessThan(LARGE);
    const record = await ended(idOf(answer));
    expect(record).toMatchObject({ status: 'failure', error_code: 'source_changed', retryable: true });
  });
});

describe('a receiver', () => {
  it('that goes away ends its operation, with what it took', async () => {
    const answer = await begin('large');
    const before = await metric(service, 'staging_downloads_total{result="aborted"}');
    answer.destroy();
    const id = idOf(answer);
    const record = await ended(id);
    expect(record).toMatchObject({
      status: 'cancelled',
      error_code: null,
      error_reason: expect.stringMatching(/away/),
    });
    expect(record.bytes_done).toBeGreaterThan(0);
    expect(record.bytes_done).toBeLessThan(LARGE);
    const lines = await logOf(service, id);
    expect(lines.find(({ message }) => message === 'Download broken off')).toMatchObject({
      bytes: record.bytes_done,
      complete: false,
    });
    expect(lines.some(({ level }) => level === 'ERROR')).toBe(false);
    expect(await metric(service, 'staging_downloads_total{result="aborted"}')).toBe(before + 1);
  });

  it('may be cancelled by others', async () => {
    const answer = await begin('large');
    const id = idOf(answer);
    expect(await service.post(`/operations/${id}/cancel`)).toMatchObject({ status: 202, body: { id } });
    await expect(whole(answer)).rejects.toThrow('aborted');
    const record = await ended(id);
    expect(record).toMatchObject({ status: 'cancelled', error_reason: 'It was cancelled on request.' });
    expect(record.bytes_done).toBeLessThan(LARGE);
    const again = await service.post(`/operations/${id}/cancel`);
    expect(again).toMatchObject({ status: 409, body: { code: 'already_ended' } });
  });

  it('that does not take anything is cut, one that is only slow is not', async () => {
    const slowly = await startService({ env: { DOWNLOAD_IDLE_SECONDS: '1' } });
    writeFileSync(path.join(slowly.storage, 'large'), bytesOf('large', LARGE));
    const stalled = await begin('large', ADDRESS, slowly);
    const curl = ['-sS', '-o', '/dev/null', '-w', '%{size_download} %{http_code}', '--limit-rate', '16M'];
    const data = ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body('large'))];
    const { stdout } = await run('curl', [...curl, ...data, slowly.url + ADDRESS]);
    expect(stdout).toBe(`${LARGE} 200`);
    const record = await ended(idOf(stalled), slowly);
    expect(record).toMatchObject({ status: 'cancelled', error_reason: 'The receiver took nothing for 1 s.' });
    await expect(whole(stalled)).rejects.toThrow('aborted');
  });

  it('that stalls costs no more than its two pieces', async () => {
    // Threads take more than transfers do.
    const quiet = await startService({ env: { STREAM_CONCURRENCY: '1' } });
    writeFileSync(path.join(quiet.storage, 'large'), bytesOf('large', LARGE));
    const memory = () => Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${quiet.process.pid}/status`, 'utf8'))![1]);
    const first = await begin('large', ADDRESS, quiet);
    await whole(first);
    const idle = memory();
    const stalled = await Promise.all(Array.from({ length: 50 }, () => begin('large', ADDRESS, quiet)));
    expect(await operations(quiet, 'status=running')).toHaveLength(50);
    expect((memory() - idle) / 1024).toBeLessThan(50 * 3);
    for (const answer of stalled) answer.destroy();
    await until(async () => (await operations(quiet, 'status=running')).length === 0, 'They do not end');
    const handles = readdirSync(`/proc/${quiet.process.pid}/fd`).map((fd) => linkAt(quiet.process.pid!, fd));
    expect(handles.filter((target) => target.startsWith(quiet.storage))).toEqual([]);
  });
});

function linkAt(pid: number, fd: string): string {
  return execFileSync('sh', ['-c', `readlink /proc/${pid}/fd/${fd} || true`], { encoding: 'utf8' }).trim();
}

describe('a service that ends', () => {
  it('within its grace breaks off what is under way, and says so', async () => {
    const ending = await startService({ env: { SHUTDOWN_GRACE_SECONDS: '0' } });
    writeFileSync(path.join(ending.storage, 'large'), bytesOf('large', LARGE));
    const answer = await begin('large', ADDRESS, ending);
    expect(await ending.stop()).toBe(0);
    await expect(whole(answer)).rejects.toThrow('aborted');
    await ending.restart();
    const record = await operationOf(ending, idOf(answer));
    expect(record).toMatchObject({ status: 'failure', error_code: 'shutting_down' });
  });

  it('by SIGKILL leaves a record that the next start settles', async () => {
    const killed = await startService();
    writeFileSync(path.join(killed.storage, 'large'), bytesOf('large', LARGE));
    const answer = await begin('large', ADDRESS, killed);
    await killed.kill9();
    await expect(whole(answer)).rejects.toThrow('aborted');
    await killed.restart();
    const record = await ended(idOf(answer), killed);
    expect(record).toMatchObject({ status: 'failure', error_code: 'internal_error', retryable: true });
  });
});

describeWhere(mariadbMissing(), 'records in MariaDB', () => {
  it('serve links all the same, to the millisecond', async () => {
    const mariadb = await startMariadb();
    const there = await startService({ env: { DATABASE_URL: mariadb.url }, files: { file: 'hello' } });
    const { body: told } = await there.stage(body('file'), QUERY, { Accept: 'application/json' });
    const { id, download_url: link } = told.operation;
    expect((await there.get(link)).body.toString()).toBe('hello');
    const renewed = await there.post(`/operations/${id}/download-url`);
    expect((await there.get(renewed.body.download_url)).body.toString()).toBe('hello');
    expect((await there.post(`/operations/${id}/cancel`)).status).toBe(202);
    expect((await there.get(link)).status).toBe(403);
  });
});
