import path from 'node:path';
import { z } from 'zod';
import { isSafeUrl } from './loopback';
import { parseStorageRoots } from './storage-roots';

const whole = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));

const flag = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['true', 'false', '1', '0', 'yes', 'no'], 'must be true or false'))
  .transform((text) => ['true', '1', 'yes'].includes(text));

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

const mode = z
  .string()
  .regex(/^0?[0-7]{3}$/, 'must be an octal mode such as 0400, without set-id bits')
  .transform((text) => Number.parseInt(text, 8));

const directory = z
  .string()
  .min(1)
  .refine((text) => !text.includes('\0'), 'must not hold NUL')
  .transform((text) => path.resolve(text));

const prefix = z
  .string()
  .startsWith('/', 'must be an absolute path')
  .transform((text) => text.replace(/\/+$/, ''));

/** JSON array or comma list of method names, as older deployments and newer ones write it. */
const methods = z.string().transform((text, context) => {
  if (!text.trim().startsWith('[')) return list.parse(text);
  try {
    return z.array(z.string()).parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a JSON array of names or a comma list' });
    return z.NEVER;
  }
});

/** Connection addresses as ioredis and `redis-cli -u` read them; with TLS: rediss. */
const redisUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol) && new URL(text).hostname !== '',
    'must be redis://[user:password@]host[:port][/number], or rediss://',
  );

const databaseUrl = z
  .string()
  .refine(
    (text) => /^sqlite:.+/.test(text) || isDatabaseServer(text),
    'must be sqlite:<path> or mysql://user:password@host:port/name',
  );

function isDatabaseServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return ['mysql:', 'mariadb:'].includes(url.protocol) && url.hostname !== '' && url.pathname.length > 1;
}

const roots = z.string().transform((text, context) => {
  try {
    const parsed = parseStorageRoots(text).map((root) => ({ ...root, path: path.resolve(root.path) }));
    if (text.includes('\0') || text === '') throw new Error('must name a directory');
    return parsed;
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

const unmapped = z.string().transform((text, context) => {
  if (text === 'service' || text === 'refuse') return { kind: text } as const;
  const match = /^fixed:(\d{1,10}):(\d{1,10})$/.exec(text);
  if (match) return { kind: 'fixed', uid: Number(match[1]), gid: Number(match[2]) } as const;
  context.addIssue({ code: 'custom', message: 'must be service, refuse or fixed:<uid>:<gid>' });
  return z.NEVER;
});

const proxy = z
  .string()
  .transform((text) => (/^(off|false|0|)$/i.test(text) ? false : /^\d{1,2}$/.test(text) ? Number(text) : text));

const publicUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an http or https address')
  .transform((text) => text.replace(/\/+$/, ''));

/** The hub's own address; with the paths of its API behind it, as some sites write it, it is the same. */
const hubUrl = publicUrl.transform((text) => text.replace(/\/hub(\/api)?$/, ''));

/** What an HTTP header can carry. */
const token = z.string().regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters');

/** Compared with what tokens say to the letter, so that nothing of it is changed. */
const issuer = z
  .string()
  .refine(
    (text) => /^https?:/.test(text) && URL.canParse(text) && isSafeUrl(new URL(text)),
    'must be an https address (http on loopback only)',
  );

const secret = z.string().refine((text) => Buffer.byteLength(text) >= 32, 'must be 32 bytes at least');

const linkPrefix = z.string().transform((text, context) => {
  try {
    return parseStorageRoots(text).map((root) => ({ ...root, path: root.path.replace(/\/+$/, '') }));
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

/** The settings of the service: one entry an environment variable; `describe` is its line in README and .env.example. */
export const SETTINGS_SCHEMA = z.object({
  HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  PORT: whole(0, 65_535).default(8000).describe('Port to listen on; 0 takes a free one'),
  PUBLIC_URL: publicUrl
    .optional()
    .describe('Address under which users reach the service, with a path prefix behind a proxy'),
  ALLOWED_HOSTS: list
    .optional()
    .describe('Names that requests may carry in `Host`; default: loopback names, `HOST`, the host of `PUBLIC_URL`'),
  CORS_ORIGINS: list.default([]).describe('Origins of other sites whose pages may call the service'),
  TRUST_PROXY: proxy
    .default(false)
    .describe('`off`, the number of proxies in front, or their addresses: whose `X-Forwarded-*` is believed'),
  SOURCE_STORAGE_PATH: roots
    .default([{ name: 'default', path: path.resolve('data/storage') }])
    .describe('Storage root, or several: `name=path,name=path`'),
  TARGET_STORAGE_PATH: directory
    .default(path.resolve('data/user_areas'))
    .describe('Directory that holds one area per user'),
  ROOT_MARKER: z
    .string()
    .regex(/^(?!\.{1,2}$)[^/\0]{1,255}$/, 'must be a file name')
    .optional()
    .describe('File that must exist in each root, so that an unmounted one is noticed'),
  STORAGE_TIMEOUT_SECONDS: whole(1, 86_400)
    .default(30)
    .describe('Seconds without any answer after which a storage counts as unavailable'),
  ALLOWED_METHODS: methods
    .optional()
    .describe('Methods to offer, as a JSON array or comma list; default: all that this version has'),
  DATABASE_URL: databaseUrl
    .default('sqlite:./data/staging.sqlite')
    .describe('`sqlite:<path>` or `mysql://user:password@host:3306/name`'),
  REDIS_URL: redisUrl
    .optional()
    .describe('`redis://[:password@]host:6379`: the work is queued there and done by workers (`npm run worker`)'),
  REDIS_PREFIX: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be letters, digits, `_`, `.` or `-`')
    .default('staging')
    .describe('What the names of keys in Redis begin with, where several services share one'),
  QUEUE_LEASE_SECONDS: whole(2, 3600)
    .default(30)
    .describe('With `REDIS_URL`: a process that shows no life for so many seconds has lost its work to others'),
  WORKER_HTTP_PORT: whole(0, 65_535)
    .optional()
    .describe('Port of a worker for `/health/*` and `/metrics`, at `HOST`; 0 takes a free one; default: none'),
  WORKER_LOG_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Log file of a worker, each its own; default: none, since its lines go to standard error and to the APIs',
    ),
  WORKER_CONCURRENCY: whole(1, 256)
    .default(4)
    .describe('Operations that run at once (downloads aside), and threads that move their data'),
  LOGGING_LEVEL: z
    .string()
    .toUpperCase()
    .pipe(z.enum(['DEBUG', 'INFO', 'WARNING', 'ERROR']))
    .default('INFO')
    .describe('`DEBUG`, `INFO`, `WARNING` or `ERROR`'),
  LOG_FILE: z
    .string()
    .min(1)
    .default('staging_service.log')
    .describe('Log file; rotated ones get a number behind the name'),
  LOG_MAX_BYTES: whole(65_536).default(104_857_600).describe('Size in bytes at which the log file is rotated'),
  LOG_MAX_FILES: whole(1, 1000).default(10).describe('Number of rotated log files to keep'),
  CHECKSUM: z
    .enum(['xxh3', 'sha256', 'adler32', 'md5', 'none'])
    .default('xxh3')
    .describe('What copies are verified with: `xxh3`, `sha256`, `adler32`, `md5`, `none`'),
  LINK_FALLBACK: z
    .enum(['error', 'copy', 'symlink'])
    .default('error')
    .describe('What `symlink_copy` does where no hard link can be made: `error`, `copy`, `symlink`'),
  LINK_TARGET_PREFIX: linkPrefix
    .optional()
    .describe('The storage as users see it, for symbolic links; with several storages `name=path,name=path`'),
  USER_VIEW_PREFIX: prefix.optional().describe('The user area as users see it, such as `/home/{username}`'),
  STAGED_FILE_MODE: mode.default(0o400).describe('Mode of staged files'),
  STAGED_DIR_MODE: mode.default(0o500).describe('Mode of staged directories'),
  USER_MAP: z
    .string()
    .min(1)
    .optional()
    .describe('File with a line `name:uid:gid` for each user without an account on the host'),
  UNMAPPED_USERS: unmapped
    .default({ kind: 'service' })
    .describe('Who owns what is staged for a user without account: `service`, `fixed:<uid>:<gid>`, or `refuse`'),
  MIN_UID: whole(0, 4_294_967_294).default(1000).describe('Accounts below this uid cannot be staged for'),
  CREATE_USER_AREAS: flag.default(true).describe('Make the area of a user at the first staging'),
  SOURCE_ACCESS: z
    .enum(['service', 'user'])
    .default('service')
    .describe('What may be read: what the `service` can, or only what the `user` could by owner, group and mode'),
  FILE_CREATION_ENABLED: flag.default(true).describe('Offer `POST /create-file`; with sign-in to operators only'),
  AUTH_MODE: z
    .enum(['none', 'oidc'])
    .default('none')
    .describe('Sign-in: `none`, so that every caller is believed, or `oidc`: bearer tokens of the OpenID provider'),
  AUTH_NONE_ACKNOWLEDGED: flag.default(false).describe('Allow a `HOST` beyond loopback although there is no sign-in'),
  OIDC_ISSUER: issuer.optional().describe('The OpenID provider, exactly as its tokens name it in `iss`'),
  OIDC_AUDIENCE: z.string().min(1).optional().describe('What tokens for this service name in `aud`'),
  OIDC_CLIENT_ID: z
    .string()
    .min(1)
    .optional()
    .describe('Client of the provider with which the page signs users in; told by `GET /config`'),
  OIDC_USERNAME_CLAIM: z.string().min(1).default('preferred_username').describe("Claim that holds a user's name"),
  OIDC_GROUPS_CLAIM: z
    .string()
    .min(1)
    .default('groups')
    .describe("Claim that lists a user's groups, such as `groups` or `wlcg.groups`"),
  OIDC_OPERATOR_GROUPS: list.default([]).describe('Groups whose members are operators: they may do everything'),
  OIDC_SERVICE_SUBJECTS: list
    .default([])
    .describe('Subjects (`sub`) of services that may stage for any user, such as a portal'),
  METRICS_TOKEN: token.optional().describe('Bearer token that may read `GET /metrics` from elsewhere, with sign-in'),
  DOWNLOAD_SECRET: secret
    .optional()
    .describe(
      'Key that signs download links, 32 bytes at least; default: a random one, so that a restart ends all links',
    ),
  DOWNLOAD_URL_TTL_SECONDS: whole(1, 31_536_000).default(3600).describe('Seconds that a download link works'),
  DOWNLOAD_IDLE_SECONDS: whole(1, 86_400)
    .default(60)
    .describe('Seconds without a byte taken after which a download is cut'),
  DOWNLOAD_ACCEL_PREFIX: prefix
    .optional()
    .describe('Internal location of an nginx in front that serves the storages itself (`X-Accel-Redirect`)'),
  STREAM_CONCURRENCY: whole(1, 1024)
    .default(16)
    .describe('Threads that read what is streamed, so also the number of directories downloaded or uploaded at once'),
  JUPYTERHUB_URL: hubUrl.optional().describe('Public address of the JupyterHub, for `jupyter_copy`'),
  JUPYTERHUB_TOKEN: token
    .optional()
    .describe(
      "The service's own token for the hub's API; without it only callers with a token of their own are served",
    ),
  JUPYTER_SERVER_URL: publicUrl
    .optional()
    .describe('Address of one Jupyter Server without a hub, instead of `JUPYTERHUB_URL`'),
  JUPYTER_SERVER_TOKEN: token.optional().describe('The token of that server'),
  JUPYTER_START_TIMEOUT_SECONDS: whole(1, 3600)
    .default(120)
    .describe("Seconds that a user's Jupyter server may take to start"),
  JUPYTER_REQUIRE_READ_ONLY: flag
    .default(false)
    .describe('Fail rather than warn where what was uploaded cannot be verified and made read-only'),
  ACCEPT_TOKEN_IN_QUERY: flag
    .default(false)
    .describe(
      'Accept a hub token as `?jupyter_token=`, where proxies may log it; the header `X-JupyterHub-Token` is better',
    ),
  RATE_LIMIT_PER_MINUTE: whole(0)
    .default(0)
    .describe('Requests that one caller may make in a minute: a user, or without sign-in an address; 0: no limit'),
  MAX_EVENT_STREAMS_PER_USER: whole(0)
    .default(100)
    .describe('Streams of events that one caller may have open: a user, or without sign-in an address; 0: no limit'),
  MAX_TREE_FILES: whole(0).default(0).describe('Files that one operation may stage; 0: no limit'),
  MAX_OPERATION_BYTES: whole(0).default(0).describe('Bytes that one operation may stage; 0: no limit'),
  MAX_RUNNING_PER_USER: whole(0)
    .default(0)
    .describe('Operations of one user that run at once, the others wait; 0: no limit'),
  MAX_QUEUED_PER_USER: whole(0)
    .default(0)
    .describe('Operations of one user that may wait; beyond that requests are refused; 0: no limit'),
  MAX_BATCH_ITEMS: whole(1, 1_000_000).default(100_000).describe('Items that one batch may have'),
  RETRY_ATTEMPTS: whole(1, 100)
    .default(5)
    .describe('Attempts that an operation in the background makes by itself while a storage or hub does not answer'),
  RETRY_DELAY_SECONDS: whole(0, 3600)
    .default(15)
    .describe('Seconds before the second attempt; doubled before each further one, to 15 minutes at most'),
  RECORD_RETENTION_DAYS: whole(0, 36_500)
    .default(0)
    .describe('Days that records of ended operations are kept; 0: for ever'),
  AUDIT_RETENTION_DAYS: whole(0, 36_500)
    .default(0)
    .describe('Entries of the audit are removed after so many days; 0: never'),
  SHUTDOWN_GRACE_SECONDS: whole(0, 86_400)
    .default(30)
    .describe('Seconds that running operations get to finish on SIGTERM'),
});

/** Settings that may hold a secret: each may also come from the file that `<NAME>_FILE` names. */
export const SECRET_SETTINGS = [
  'DATABASE_URL',
  'DOWNLOAD_SECRET',
  'JUPYTERHUB_TOKEN',
  'JUPYTER_SERVER_TOKEN',
  'METRICS_TOKEN',
  'REDIS_URL',
] as const;
