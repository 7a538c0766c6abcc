import { randomUUID } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { type LogRelayOptions, type RedisLinkOptions } from '@app/cluster';
import { type Settings } from '@app/core';
import { type FilesOptions } from '@app/files';
import { type AppLogger, type ForeignLines, type LoggingOptions } from '@app/logging';
import { type DirectDownloadOptions, type JupyterOptions } from '@app/methods';
import { type QueueOptions } from '@app/queue';
import { type RecordsOptions } from '@app/records';
import { type StagingOptions } from '@app/staging';
import { type ProcessRole } from './process-role';

/** Time after which a database that does not answer counts as unavailable, in milliseconds (contract, section 1). */
const DATABASE_TIMEOUT_MS = 10_000;

/** Roots that are made when they are missing: only at their defaults, since elsewhere something is to be mounted. */
const DEFAULT_ROOTS = ['data/storage', 'data/user_areas'];

/** What the settings say of files. */
export function filesOptions(settings: Settings): FilesOptions {
  const storages = settings.get('SOURCE_STORAGE_PATH');
  const target = settings.get('TARGET_STORAGE_PATH');
  const checksum = settings.get('CHECKSUM');
  const defaults = new Set(DEFAULT_ROOTS.map((folder) => path.resolve(folder)));
  return {
    storages,
    target,
    createWhenMissing: [...storages.map((root) => root.path), target].filter((root) => defaults.has(root)),
    marker: settings.get('ROOT_MARKER'),
    timeoutMs: settings.get('STORAGE_TIMEOUT_SECONDS') * 1000,
    workers: settings.get('WORKER_CONCURRENCY'),
    streams: settings.get('STREAM_CONCURRENCY'),
    createAreas: settings.get('CREATE_USER_AREAS'),
    algorithm: checksum === 'none' ? null : checksum,
    linkFallback: settings.get('LINK_FALLBACK'),
    linkPrefixes: Object.fromEntries((settings.get('LINK_TARGET_PREFIX') ?? []).map((one) => [one.name, one.path])),
    limits: { maxFiles: settings.get('MAX_TREE_FILES'), maxBytes: settings.get('MAX_OPERATION_BYTES') },
    sourceAccess: settings.get('SOURCE_ACCESS'),
    ownership: {
      minUid: settings.get('MIN_UID'),
      unmapped: settings.get('UNMAPPED_USERS'),
      fileMode: settings.get('STAGED_FILE_MODE'),
      dirMode: settings.get('STAGED_DIR_MODE'),
    },
    userMapFile: settings.get('USER_MAP'),
  };
}

/** What the settings say of records; ends of operations that cannot be recorded at all go to the log. */
export function recordsOptions(settings: Settings, logger: AppLogger): RecordsOptions {
  return {
    databaseUrl: settings.get('DATABASE_URL'),
    timeoutMs: DATABASE_TIMEOUT_MS,
    // Of one process alone nobody takes anything over but its own next start, which need not hurry.
    ...(settings.get('REDIS_URL') !== undefined && { leaseMs: settings.get('QUEUE_LEASE_SECONDS') * 1000 }),
    onLostSettlement: ({ id, status, errorCode }, error) => {
      logger.error('The end of an operation could not be recorded', {
        operation_id: id,
        status,
        code: errorCode,
        error,
      });
    },
    onLostAudit: ({ id, at, ...entry }, error) => {
      logger.error('An entry of the audit could not be recorded', { entry: { id, time: at, ...entry }, error });
    },
  };
}

/** What the settings say of the log. Where several processes share what they do, each entry names its own. */
export function loggingOptions(settings: Settings, role: ProcessRole = 'api'): LoggingOptions {
  const isShared = settings.get('REDIS_URL') !== undefined;
  return {
    level: settings.get('LOGGING_LEVEL'),
    file: role === 'worker' ? (settings.get('WORKER_LOG_FILE') ?? null) : settings.get('LOG_FILE'),
    maxBytes: settings.get('LOG_MAX_BYTES'),
    maxFiles: settings.get('LOG_MAX_FILES'),
    console: true,
    ...(isShared && { fields: { host: os.hostname(), process: `${role}-${process.pid}` } }),
  };
}

/** What the settings say of the connection between processes; null: there is only this one. */
export function clusterOptions(settings: Settings, logger: AppLogger): RedisLinkOptions | null {
  const url = settings.get('REDIS_URL');
  if (url === undefined) return null;
  return {
    url,
    prefix: settings.get('REDIS_PREFIX'),
    onChange: (trouble) => {
      if (trouble) logger.warning('Redis does not answer; it is tried again and again', { error: trouble });
      else logger.info('Redis answers');
    },
  };
}

/** What the settings say of lines of the log that travel: all processes pass theirs on, those of the API show them. */
export function logRelayOptions(
  settings: Settings,
  role: ProcessRole,
  foreignLines: ForeignLines,
): Pick<LogRelayOptions, 'host' | 'file' | 'writes' | 'reads'> {
  const { file } = loggingOptions(settings, role);
  return { host: os.hostname(), file, writes: true, reads: role === 'api' ? foreignLines : null };
}

/** What the settings say of the queue: where there are several processes, only workers take work out of it. */
export function queueOptions(settings: Settings, role: ProcessRole): QueueOptions {
  return {
    name: `${os.hostname()}/${role}-${process.pid}/${randomUUID()}`,
    performs: role === 'worker',
    concurrency: settings.get('WORKER_CONCURRENCY'),
    maxRunningPerUser: settings.get('MAX_RUNNING_PER_USER'),
    leaseMs: settings.get('QUEUE_LEASE_SECONDS') * 1000,
  };
}

/** What the settings say of staging. */
export function stagingOptions(settings: Settings): StagingOptions {
  return {
    allowedMethods: settings.get('ALLOWED_METHODS'),
    maxQueuedPerUser: settings.get('MAX_QUEUED_PER_USER'),
    retries: { attempts: settings.get('RETRY_ATTEMPTS'), delayMs: settings.get('RETRY_DELAY_SECONDS') * 1000 },
    shutdownGraceMs: settings.get('SHUTDOWN_GRACE_SECONDS') * 1000,
    recordRetentionDays: settings.get('RECORD_RETENTION_DAYS'),
    userViewPrefix: settings.get('USER_VIEW_PREFIX'),
  };
}

/** What the settings say of downloads. */
export function downloadOptions(settings: Settings): DirectDownloadOptions {
  return { linkTtlMs: settings.get('DOWNLOAD_URL_TTL_SECONDS') * 1000 };
}

/** What the settings say of Jupyter. */
export function jupyterOptions(settings: Settings): JupyterOptions {
  return {
    hubUrl: settings.get('JUPYTERHUB_URL'),
    hubToken: settings.get('JUPYTERHUB_TOKEN'),
    serverUrl: settings.get('JUPYTER_SERVER_URL'),
    serverToken: settings.get('JUPYTER_SERVER_TOKEN'),
    startTimeoutMs: settings.get('JUPYTER_START_TIMEOUT_SECONDS') * 1000,
    fileMode: settings.get('STAGED_FILE_MODE'),
    dirMode: settings.get('STAGED_DIR_MODE'),
    requireReadOnly: settings.get('JUPYTER_REQUIRE_READ_ONLY'),
  };
}
