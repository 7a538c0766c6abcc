import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeSettings } from './describe-settings';
import { loadSettings, SettingsError } from './settings';

function problemsOf(environment: Record<string, string>): string[] {
  try {
    loadSettings(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as SettingsError).problems;
  }
  return [];
}

describe('loadSettings', () => {
  it('serves on loopback with SQLite when nothing is set', () => {
    const settings = loadSettings({});
    expect(settings.get('HOST')).toBe('127.0.0.1');
    expect(settings.get('PORT')).toBe(8000);
    expect(settings.get('DATABASE_URL')).toBe('sqlite:./data/staging.sqlite');
    expect(settings.get('SOURCE_STORAGE_PATH')).toEqual([{ name: 'default', path: path.resolve('data/storage') }]);
    expect(settings.get('STAGED_FILE_MODE')).toBe(0o400);
  });

  it('names every bad value at once and echoes none', () => {
    const problems = problemsOf({
      PORT: 'hunter2',
      LOGGING_LEVEL: 'hunter2',
      DATABASE_URL: 'postgres://u:hunter2@h/d',
      STAGED_FILE_MODE: '4755',
      CHECKSUM: 'hunter2',
      UNMAPPED_USERS: 'hunter2',
      CREATE_USER_AREAS: 'hunter2',
    });
    const names = problems.map((problem) => problem.split(':')[0]);
    expect(new Set(names)).toEqual(
      new Set([
        'PORT',
        'LOGGING_LEVEL',
        'DATABASE_URL',
        'STAGED_FILE_MODE',
        'CHECKSUM',
        'UNMAPPED_USERS',
        'CREATE_USER_AREAS',
      ]),
    );
    expect(problems.join('\n')).not.toContain('hunter2');
  });

  it('reads several storages by name, the first being the default', () => {
    const roots = loadSettings({ SOURCE_STORAGE_PATH: 'hot=/srv/hot,cold=/srv/cold' }).get('SOURCE_STORAGE_PATH');
    expect(roots).toEqual([
      { name: 'hot', path: '/srv/hot' },
      { name: 'cold', path: '/srv/cold' },
    ]);
    expect(problemsOf({ SOURCE_STORAGE_PATH: 'a=/x,a=/y' })).toHaveLength(1);
    expect(problemsOf({ SOURCE_STORAGE_PATH: 'a=/x,nonsense' })).toHaveLength(1);
  });

  it.each(['["local_copy","symlink_copy"]', 'local_copy, symlink_copy'])('reads ALLOWED_METHODS %s', (value) => {
    expect(loadSettings({ ALLOWED_METHODS: value }).get('ALLOWED_METHODS')).toEqual(['local_copy', 'symlink_copy']);
  });

  it('refuses to listen beyond loopback without sign-in unless that is acknowledged', () => {
    expect(problemsOf({ HOST: '0.0.0.0' })).toHaveLength(1);
    expect(problemsOf({ HOST: '0.0.0.0', AUTH_NONE_ACKNOWLEDGED: 'true' })).toEqual([]);
    expect(problemsOf({ HOST: '::1' })).toEqual([]);
  });

  it('refuses symbolic links without the prefix that users see, for each storage', () => {
    expect(problemsOf({ LINK_FALLBACK: 'symlink' })[0]).toMatch(/^LINK_TARGET_PREFIX: needed/);
    expect(problemsOf({ LINK_FALLBACK: 'symlink', LINK_TARGET_PREFIX: '/data' })).toEqual([]);
    const two = { SOURCE_STORAGE_PATH: 'a=/x,b=/y', LINK_FALLBACK: 'symlink' };
    expect(problemsOf({ ...two, LINK_TARGET_PREFIX: 'a=/p' })[0]).toMatch(/no line for the storage b/);
    expect(problemsOf({ ...two, LINK_TARGET_PREFIX: 'a=/p,b=/q' })).toEqual([]);
  });

  it('reads where Jupyter is, however the site writes it, but not two places', () => {
    for (const suffix of ['', '/', '/hub', '/hub/api', '/hub/api/']) {
      const settings = loadSettings({ JUPYTERHUB_URL: `https://h/jupyter${suffix}` });
      expect(settings.get('JUPYTERHUB_URL')).toBe('https://h/jupyter');
    }
    expect(problemsOf({ JUPYTERHUB_URL: 'http://h', JUPYTER_SERVER_URL: 'http://s' })).toHaveLength(1);
  });

  it.each([
    ['DOWNLOAD_SECRET', 'short'],
    ['JUPYTERHUB_TOKEN', 'two lines\r\nX-Other: header'],
    ['DOWNLOAD_ACCEL_PREFIX', 'relative'],
  ])('refuses a bad %s without repeating it', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name}: must`));
    expect(problems[0]).not.toContain(value);
  });

  it('takes a secret from a file, and not from both places', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'settings-')), 'url');
    writeFileSync(file, 'mysql://u:p@h:3306/d\n');
    expect(loadSettings({ DATABASE_URL_FILE: file }).get('DATABASE_URL')).toBe('mysql://u:p@h:3306/d');
    expect(problemsOf({ DATABASE_URL_FILE: file, DATABASE_URL: 'sqlite:x' })).toHaveLength(1);
    expect(problemsOf({ DATABASE_URL_FILE: '/nowhere' })).toEqual(['DATABASE_URL_FILE: cannot be read (ENOENT)']);
  });

  it('needs with Redis what several processes must have in common', () => {
    const secret = 'x'.repeat(32);
    const shared = { REDIS_URL: 'redis://:password@h:6379', DATABASE_URL: 'mysql://u:p@h/d', DOWNLOAD_SECRET: secret };
    expect(loadSettings(shared).get('REDIS_URL')).toBe('redis://:password@h:6379');
    expect(problemsOf({ ...shared, DATABASE_URL: 'sqlite:x' })).toEqual([
      expect.stringMatching(/^DATABASE_URL: SQLite/),
    ]);
    expect(problemsOf({ REDIS_URL: 'redis://h' })).toEqual([
      expect.stringMatching(/^DATABASE_URL: SQLite is a file of one host/),
      expect.stringMatching(/^DOWNLOAD_SECRET: needed with REDIS_URL/),
    ]);
    for (const address of ['h:6379', 'http://h', 'redis://', 'redis:h']) {
      expect(problemsOf({ ...shared, REDIS_URL: address })).toEqual([expect.stringMatching(/^REDIS_URL: must/)]);
    }
  });

  it('needs to know the provider and the audience for sign-in, and believes no provider over plain http', () => {
    expect(problemsOf({ AUTH_MODE: 'oidc' })).toEqual([
      'OIDC_ISSUER: needed with AUTH_MODE=oidc',
      'OIDC_AUDIENCE: needed with AUTH_MODE=oidc',
    ]);
    const oidc = { AUTH_MODE: 'oidc', OIDC_AUDIENCE: 'staging' };
    for (const issuer of [
      'https://iam.example.org/',
      'http://127.0.0.1:8080',
      'http://localhost/realms/a',
      'http://[::1]:1',
    ]) {
      expect(loadSettings({ ...oidc, OIDC_ISSUER: issuer }).get('OIDC_ISSUER')).toBe(issuer);
    }
    for (const issuer of ['http://iam.example.org', 'http://127.0.0.1.example.org', 'iam.example.org', 'file:///etc']) {
      expect(problemsOf({ ...oidc, OIDC_ISSUER: issuer })).toHaveLength(1);
    }
    expect(problemsOf({ ...oidc, OIDC_ISSUER: 'https://iam.example.org', HOST: '0.0.0.0' })).toEqual([]);
  });

  it('describes each setting in a sentence', () => {
    for (const setting of describeSettings()) expect(setting.description).toMatch(/^[A-Z`].{10,}/);
  });
});
