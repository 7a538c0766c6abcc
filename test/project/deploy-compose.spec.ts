import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { describeSettings, loadSettings } from '@app/core';
import { temporaryFolder } from '../support/temporary-folder';

const root = path.resolve(__dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const DCLINT = path.join(root, 'node_modules/dclint/bin/dclint.cjs');
const SETTINGS = new Set(describeSettings().flatMap(({ name }) => [name, `${name}_FILE`]));

/** The file as a test looks into it. */
type Compose = ReturnType<typeof JSON.parse>;

const compose: Compose = parse(read('compose.yaml'), { merge: true });
const services = Object.entries<Compose>(compose.services);
const secretNames = Object.keys(compose.secrets as object);

/** What the lint of Compose files minds, by the schema of the specification and by its rules, but for matters of taste. */
function lint(text: string): string {
  const file = path.join(temporaryFolder(), 'compose.yaml');
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync(process.execPath, [DCLINT, '--quiet', file], { encoding: 'utf8' });
  return status === 0 ? '' : stdout + stderr;
}

/** A value with its variables replaced, where they are not set. */
const filled = (value: string, variables: Record<string, string> = {}) =>
  value.replace(/\$\{(\w+):-([^}]*)\}/g, (_all, name: string, other: string) => variables[name] ?? other);

function makeSecrets(folder = path.join(temporaryFolder(), 'secrets')): string {
  execFileSync('sh', [path.join(root, 'deploy/compose/make-secrets.sh'), folder]);
  return folder;
}

describe('compose.yaml', () => {
  it('is what the specification allows', () => {
    expect(lint(read('compose.yaml'))).toBe('');
  });

  it.each([
    ['a misspelt key', 'stop_grace_period:', 'stop_grace_perod:'],
    ['a value of a wrong kind', 'cap_drop: [ALL]', 'cap_drop: ALL'],
    ['a port for everybody', "'127.0.0.1:${STAGING_PORT:-8080}:8080'", "'8080:8080'"],
  ])('is checked for %s', (_what, right, wrong) => {
    expect(read('compose.yaml')).toContain(right);
    expect(lint(read('compose.yaml').replace(right, wrong))).not.toBe('');
  });

  it('has an API, two workers, MySQL, Redis and nginx, and a JupyterHub for those who want it', () => {
    expect(
      services
        .filter(([, { profiles }]) => !profiles)
        .map(([name]) => name)
        .sort(),
    ).toEqual(['api', 'mysql', 'nginx', 'redis', 'worker']);
    expect(compose.services.worker.deploy.replicas).toBe(2);
    expect(compose.services.jupyterhub.profiles).toEqual(['hub']);
  });

  it.each(services)(
    '%s runs as an ordinary user, on what it cannot write to, and is asked whether it is well',
    (_name, service) => {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        healthcheck: { test: expect.any(Array) },
      });
      expect(filled(service.user as string)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect(service).not.toHaveProperty('privileged');
      expect(service).not.toHaveProperty('cap_add');
    },
  );

  it.each(services)('%s waits for what it needs to be well', (_name, service) => {
    for (const [needed, { condition }] of Object.entries<Compose>(service.depends_on ?? {})) {
      expect(compose.services).toHaveProperty(needed);
      expect(condition).toBe('service_healthy');
    }
  });

  it.each(services)('%s has secrets as files alone, those that there are', (_name, service) => {
    for (const secret of service.secrets ?? []) expect(secretNames).toContain(secret);
    for (const [name, value] of Object.entries<string>(service.environment ?? {})) {
      if (/PASSWORD|SECRET|TOKEN/.test(name) && value !== 'yes') expect(name).toMatch(/_FILE$/);
      const [, secret] = /^\/run\/secrets\/(.+)$/.exec(value) ?? [];
      if (secret) expect(service.secrets).toContain(secret);
    }
  });

  it('lets nobody reach it but this host, nor the database and the queue but the service', () => {
    for (const [, { ports = [] }] of services) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(compose.networks.back).toEqual({ internal: true });
    for (const name of ['mysql', 'redis']) expect(compose.services[name].networks).toEqual(['back']);
  });

  it('mounts what there is, and the storage for reading alone', () => {
    for (const [, { volumes = [] }] of services) {
      for (const volume of volumes) {
        if (typeof volume === 'object') {
          expect(volume).toMatchObject({ type: 'bind', bind: { create_host_path: false } });
          if (volume.target === '/data/storage') expect(volume.read_only).toBe(true);
          continue;
        }
        const [source] = (volume as string).split(':') as [string];
        if (source.startsWith('./')) expect(existsSync(path.join(root, source))).toBe(true);
        else expect(compose.volumes).toHaveProperty(source);
      }
    }
  });

  it('lets nginx send the files of the storage from where it sees them', () => {
    const nginx = read('deploy/nginx/nginx.conf');
    expect(nginx).toContain(`location ${compose.services.api.environment.DOWNLOAD_ACCEL_PREFIX}/default/ {`);
    expect(nginx).toContain('alias /data/storage/;');
    expect(nginx).toContain(`http://api:${compose.services.api.environment.PORT};`);
    const targets = compose.services.nginx.volumes.map((volume: Compose) => volume.target);
    expect(targets).toContain('/data/storage');
    expect(compose.services.nginx.user).toBe(compose.services.api.user);
  });

  it.each(['api', 'worker'])('gives %s settings that a start accepts with sign-in, and not without', (name) => {
    const service = compose.services[name];
    const secrets = makeSecrets();
    const environmentWith = (variables: Record<string, string>) =>
      Object.fromEntries(
        Object.entries<string>(service.environment).map(([key, value]) => [
          key,
          filled(value, variables).replace('/run/secrets', secrets),
        ]),
      );
    const issuer = { OIDC_ISSUER: 'https://iam.example.org/', OIDC_AUDIENCE: 'https://staging.example.org' };
    const image = { DATABASE_URL: 'sqlite:/var/lib/staging/staging.sqlite' };
    const settings = loadSettings({ ...image, ...environmentWith(issuer) });
    expect(settings.get('AUTH_MODE')).toBe('oidc');
    expect(settings.get('DATABASE_URL')).toMatch(/^mysql:\/\/staging:[0-9a-f]{64}@mysql:3306\/staging$/);
    expect(settings.get('REDIS_URL')).toMatch(/^redis:\/\/:[0-9a-f]{64}@redis:6379$/);
    expect(() => loadSettings({ ...image, ...environmentWith({}) })).toThrow('OIDC_ISSUER: needed');
    expect(() => loadSettings({ ...image, ...environmentWith({ AUTH_MODE: 'none' }) })).toThrow(
      'HOST: without sign-in',
    );
    const trial = { AUTH_MODE: 'none', AUTH_NONE_ACKNOWLEDGED: 'true' };
    expect(() => loadSettings({ ...image, ...environmentWith(trial) })).not.toThrow();
    const hub = {
      ...issuer,
      JUPYTERHUB_URL: 'http://jupyterhub:8000',
      JUPYTERHUB_TOKEN_FILE: '/run/secrets/jupyterhub-token',
    };
    expect(loadSettings({ ...image, ...environmentWith(hub) }).get('JUPYTERHUB_TOKEN')).toMatch(/^[0-9a-f]{64}$/);
    expect(Object.keys(service.environment as object).filter((key) => !SETTINGS.has(key))).toEqual([]);
    const grace = Number(/^(\d+)s$/.exec(service.stop_grace_period as string)![1]);
    expect(grace).toBeGreaterThan(settings.get('SHUTDOWN_GRACE_SECONDS'));
    const port = settings.get(name === 'api' ? 'PORT' : 'WORKER_HTTP_PORT');
    expect(service.healthcheck.test.join(' ')).toContain(`http://127.0.0.1:${port}/health/`);
  });

  it('runs checks of health that are programs', () => {
    for (const name of ['api', 'worker']) {
      const [kind, program, ...argv] = compose.services[name].healthcheck.test as string[];
      expect([kind, program]).toEqual(['CMD', 'node']);
      // Nobody listens there: the check says so by its exit status alone.
      const said = spawnSync(
        process.execPath,
        argv.map((text) => text.replace(/:80\d\d\//, ':1/')),
        { encoding: 'utf8' },
      );
      expect({ status: said.status, text: said.stdout + said.stderr }).toEqual({ status: 1, text: '' });
    }
  });
});

describe('the secrets of compose.yaml', () => {
  it('are made each by itself, and stay when they are there', () => {
    const folder = makeSecrets();
    const contents = () =>
      Object.fromEntries(secretNames.map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
    const first = contents();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const random = [
      ...Object.values(first)
        .join('\n')
        .matchAll(/[0-9a-f]{64}/g),
    ].map(String);
    // Two passwords stand in two files each.
    expect(new Set(random).size).toBe(random.length - 2);
    makeSecrets(folder);
    expect(contents()).toEqual(first);
  });

  it('are files that are made, and never committed', () => {
    for (const { file } of Object.values<Compose>(compose.secrets)) {
      expect(existsSync(path.join(makeSecrets(), path.basename(file as string)))).toBe(true);
      const { status } = spawnSync('git', ['check-ignore', '--quiet', file], { cwd: root });
      expect({ file, status }).toEqual({ file, status: 0 });
    }
  });

  it('give Redis a password, and it throws nothing out', () => {
    expect(readFileSync(path.join(makeSecrets(), 'redis-password'), 'utf8')).toMatch(/^requirepass [0-9a-f]{64}\n$/);
    expect(read('deploy/compose/redis.conf')).toMatch(/^include \/run\/secrets\/redis-password$/m);
    expect(read('deploy/compose/redis.conf')).toMatch(/^maxmemory-policy noeviction$/m);
  });
});

describe('the JupyterHub of compose.yaml', () => {
  it('grants the service what the documentation says, and no more', () => {
    const scopes = /"scopes": \[[^\]]+\]/;
    const [granted] = scopes.exec(read('deploy/compose/jupyterhub/jupyterhub_config.py'))!;
    expect(granted).toBe(scopes.exec(read('docs/operating.md'))![0]);
  });
});

describe('the units of systemd', () => {
  const units = ['staging-api.service', 'staging-worker@.service'];
  const unit = (name: string) => read(`deploy/systemd/${name}`);

  it.each(units)('%s sets what is a setting, and stops later than the service does by itself', (name) => {
    const set = [...unit(name).matchAll(/^Environment=(\w+)=/gm)].map(([, key]) => key!);
    expect(set.filter((key) => key !== 'NODE_ENV' && !SETTINGS.has(key))).toEqual([]);
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit(name))![1])).toBeGreaterThan(30);
    // A secret is in the environment by its file alone, which systemd loads.
    const files = [...unit(name).matchAll(/^Environment=\w+_FILE=%d\/(.+)$/gm)].map(([, file]) => file);
    const loaded = [...unit(name).matchAll(/^LoadCredential=([^:]+):/gm)].map(([, file]) => file);
    expect(files).toEqual(loaded);
  });

  const missing = spawnSync('systemd-analyze', ['--version']).status !== 0;
  (missing ? it.skip : it).each(units)('%s is what systemd can read', (name) => {
    const file = path.join(temporaryFolder(), name.replace('@.', '@1.'));
    writeFileSync(file, unit(name).replace('/usr/bin/node', process.execPath));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--recursive-errors=no', file], {
      encoding: 'utf8',
    });
    const said = stderr.split('\n').filter((line) => line.includes(path.basename(file)));
    expect({ status, said }).toEqual({ status: 0, said: [] });
  });
});

describe('the table of older values', () => {
  it.each([
    'replicaCount',
    'image.repository',
    'service.type',
    'service.port',
    'ingress.enabled',
    'ingress.annotations',
    'ingress.tls',
    'logging.level',
    'config.allowedMethods',
    'config.jupyterHubUrl',
    'config.rucioBaseUrl',
    ...['source', 'userArea'].flatMap((place) =>
      [
        'type',
        'local.path',
        'local.hostPath',
        'nfs.path',
        'nfs.server',
        'nfs.serverPath',
        'ceph.path',
        'ceph.server',
        'ceph.options',
      ].map((key) => `storage.${place}.${key}`),
    ),
  ])('has %s', (key) => {
    expect(read('docs/from-helm-values.md')).toMatch(new RegExp(`^\\| [^|]*\`${key.replaceAll('.', '\\.')}\``, 'm'));
  });
});
