import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import path from 'node:path';
import { onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { type Answer } from '../support/http-client';
import { type Mariadb, mariadbMissing, runSql, startMariadb } from '../support/mariadb';
import { OpenIdProvider } from '../support/openid-provider';
import { type RunningService, startService } from '../support/service';
import { ServiceEnded } from '../support/service-process';
import { temporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';

/** Every secret that the service is given or makes, looked for in everything that it writes and says. */

/** Found nowhere by chance, and changed by percent-encoding, so that both spellings are looked for. */
const secret = (what: string) => `${what}~${randomBytes(16).toString('hex')}~${'x'.repeat(8)}`;

const SECRETS = {
  password: secret('of-the-database').replaceAll('~', '@/'),
  download: secret('for-downloads'),
  hub: secret('of-the-hub'),
  metrics: secret('for-metrics'),
  caller: secret('of-the-caller'),
  inQuery: secret('in-the-query'),
};
const USER = 'staging_service';

/** A hub that tells whoever asks, and everybody else, what it was asked with. */
async function startTalkativeHub(): Promise<string> {
  const hub = createServer((request, response) => {
    const { authorization = '' } = request.headers;
    const token = authorization.replace(/^token /, '');
    const say = (status: number, body: unknown) => {
      response.writeHead(status, `No ${token}`, { 'content-type': 'application/json', 'x-token': token });
      response.end(JSON.stringify(body));
    };
    if (request.url === '/hub/api/') return say(200, { version: '4.0.0' });
    if (request.url === '/hub/api/user')
      return say(200, { kind: 'user', name: 'ana', scopes: ['read:servers', token] });
    return say(500, { status: 500, message: `The token ${token} met an error at ?token=${token}` });
  });
  await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
  onCleanup(() => void hub.close());
  return `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
}

describeWhere(mariadbMissing(), 'secrets', () => {
  let server: Mariadb;
  let provider: OpenIdProvider;
  let service: RunningService;
  let databaseUrl: string;
  let token: string;
  /** Everything that was answered. */
  const answers: string[] = [];
  const links: string[] = [];

  beforeAll(async () => {
    server = await startMariadb();
    await runSql(
      server.url,
      `CREATE USER ${USER}@localhost IDENTIFIED BY '${SECRETS.password}'`,
      `CREATE USER ${USER}@'127.0.0.1' IDENTIFIED BY '${SECRETS.password}'`,
      `GRANT ALL ON *.* TO ${USER}@localhost`,
      `GRANT ALL ON *.* TO ${USER}@'127.0.0.1'`,
    );
    databaseUrl = server.url.replace('//root@', `//${USER}:${encodeURIComponent(SECRETS.password)}@`);
    provider = await OpenIdProvider.start({ ana: { preferred_username: 'ana', groups: ['operators'] } });
    const folder = temporaryFolder();
    const file = (name: string, text: string) => {
      writeFileSync(path.join(folder, name), `${text}\n`, { mode: 0o600 });
      return path.join(folder, name);
    };
    const env = {
      ...provider.settings,
      OIDC_OPERATOR_GROUPS: 'operators',
      LOGGING_LEVEL: 'DEBUG',
      DATABASE_URL_FILE: file('database', databaseUrl),
      DATABASE_URL: undefined,
      DOWNLOAD_SECRET: SECRETS.download,
      JUPYTERHUB_URL: await startTalkativeHub(),
      JUPYTERHUB_TOKEN_FILE: file('hub', SECRETS.hub),
      METRICS_TOKEN: SECRETS.metrics,
      ACCEPT_TOKEN_IN_QUERY: 'true',
      RETRY_ATTEMPTS: '1',
    };
    service = await startService({ env, files: { file: 'data', 'tree/one': '1' } });
    token = await provider.token('ana');
  });

  const keep = (answer: Answer): Answer => {
    const { status, headers, body } = answer;
    answers.push(
      `${status} ${JSON.stringify(headers)} ${Buffer.isBuffer(body) ? body.toString() : JSON.stringify(body)}`,
    );
    return answer;
  };
  const bearer = () => ({ authorization: `Bearer ${token}` });
  const get = async (address: string, headers = {}) => keep(await service.get(address, { ...bearer(), ...headers }));
  const stage = async (method: string, headers = {}, more = '', username = 'ana') => {
    const body = { local_path_on_storage: 'file', relative_path: `${method}-${answers.length}`, label: 'a label' };
    const address = `/stage_data?method=${method}&username=${username}${more}`;
    return keep(await service.post(address, body, { ...bearer(), accept: 'application/json', ...headers }));
  };

  /** Asks for all that there is, with and without a fault. */
  async function askForEverything(): Promise<void> {
    for (const method of ['local_copy', 'symlink_copy', 'direct_download', 'jupyter_copy', 'none']) {
      await stage(method);
      await stage(method, { prefer: 'respond-async' });
    }
    await stage('jupyter_copy', { 'X-JupyterHub-Token': SECRETS.caller });
    await stage('jupyter_copy', { 'X-JupyterHub-Token': `${SECRETS.caller} ` });
    await stage('jupyter_copy', { 'X-JupyterHub-Token': SECRETS.caller }, '', 'bob');
    await stage('jupyter_copy', {}, `&jupyter_token=${encodeURIComponent(SECRETS.inQuery)}`);
    await stage('jupyter_copy', {}, `&jupyter_token=${SECRETS.inQuery}&jupyter_token=${SECRETS.inQuery}`);
    for (const address of [
      '/config',
      '/health/ready',
      '/metrics',
      '/operations?limit=500',
      '/logs?limit=500&level=DEBUG',
    ]) {
      await get(address);
    }
    for (const address of ['/audit?limit=500', '/openapi.json', '/storage?path=tree', '/user-areas/ana', '/nowhere']) {
      await get(address);
    }
    await get('/audit', { accept: 'text/csv' });
    await get('/logs', { accept: 'text/plain' });
    // Where tokens are not to be: in an address, and with something wrong.
    await get(`/operations?access_token=${token}&jupyter_token=${SECRETS.inQuery}`);
    await get(`/operations?q=${SECRETS.caller}`, { authorization: `Bearer ${token}x` });
    await get('/operations', { authorization: `Basic ${Buffer.from(`ana:${SECRETS.metrics}`).toString('base64')}` });
    await get('/metrics', { authorization: `Bearer ${SECRETS.metrics}`, 'x-forwarded-for': '192.0.2.1' });
    await get('/operations', { cookie: `token=${token}`, host: 'elsewhere.example' });
  }

  it('stand in nothing that the service writes or says, whatever goes wrong', async () => {
    await askForEverything();
    const { body } = await service.stage(
      { local_path_on_storage: 'file' },
      { method: 'direct_download' },
      { ...bearer(), accept: 'application/json' },
    );
    links.push((body.operation.download_url as string).split('/').at(-1)!);
    await get(`/downloads/${links[0]}`);
    await get(`/downloads/${links[0]}x`);
    await get(`/api/v1/downloads/${links[0]}`, { range: 'bytes=99-' });
    const ended = async () => {
      const { items } = (await service.get('/operations?limit=500', bearer())).body as { items: { status: string }[] };
      return items.every(({ status }) => !['queued', 'running'].includes(status));
    };
    await until(ended, 'something goes on for ever', 60);
    await server.kill9();
    await askForEverything();
    await server.restart();
    await until(async () => (await service.get('/health/ready')).status === 200, 'the database is not back');
    await askForEverything();
    await service.stop();

    const rows = await runSql(server.url, 'SHOW TABLES').then(async ([tables]) =>
      Promise.all((tables as object[]).map((row) => runSql(server.url, `SELECT * FROM ${Object.values(row)[0]}`))),
    );
    const places = {
      'the log': service.logText(),
      'the console': service.output,
      'the database': JSON.stringify(rows),
      answers: answers.join('\n'),
    };
    // That they are looked for where something was written at all.
    expect(places['the log']).toContain('"level":"DEBUG"');
    for (const [place, text] of Object.entries(places))
      expect([place, text]).toEqual([place, expect.stringContaining('jupyter_copy')]);
    for (const [name, value] of Object.entries({
      ...SECRETS,
      token,
      signature: token.split('.')[2]!,
      link: links[0]!,
    })) {
      for (const spelling of new Set([value, encodeURIComponent(value), Buffer.from(value).toString('base64')])) {
        for (const [place, text] of Object.entries(places)) {
          expect({
            name,
            place,
            at: text.slice(Math.max(0, text.indexOf(spelling) - 300)).slice(0, text.includes(spelling) ? 400 : 0),
          }).toEqual({ name, place, at: '' });
        }
      }
    }
  }, 180_000);

  it('are not told by a start that fails', async () => {
    const wrong = { DATABASE_URL: databaseUrl.replace(USER, 'nobody'), DOWNLOAD_SECRET: 'too-short', MIN_UID: 'x' };
    const attempts = [
      wrong,
      { DATABASE_URL: wrong.DATABASE_URL },
      { DATABASE_URL: `${databaseUrl}/more?x=${SECRETS.metrics}` },
      { METRICS_TOKEN: `${SECRETS.metrics}\n`, JUPYTERHUB_TOKEN: SECRETS.hub, JUPYTERHUB_TOKEN_FILE: '/nowhere' },
    ];
    for (const env of attempts) {
      const ended = await startService({ env }).then(
        () => null,
        (error: unknown) => error,
      );
      if (!(ended instanceof ServiceEnded)) throw new Error(`It started with ${Object.keys(env).join(', ')}`);
      for (const value of [
        SECRETS.password,
        encodeURIComponent(SECRETS.password),
        SECRETS.metrics,
        SECRETS.hub,
        'too-short',
      ]) {
        expect(ended.output).not.toContain(value);
      }
    }
  });
});
