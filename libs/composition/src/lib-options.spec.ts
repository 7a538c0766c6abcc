import os from 'node:os';
import { loadSettings } from '@app/core';
import { type AppLogger } from '@app/logging';
import { clusterOptions, loggingOptions } from './lib-options';

const SHARED = {
  REDIS_URL: 'redis://:hunter2@queue.example.org:6379',
  DATABASE_URL: 'mysql://staging@db.example.org/staging',
  DOWNLOAD_SECRET: 'x'.repeat(32),
};

describe('loggingOptions', () => {
  it('give the API its file, alone or not', () => {
    expect(loggingOptions(loadSettings({}), 'api')).toMatchObject({ file: 'staging_service.log', console: true });
    const settings = loadSettings({ ...SHARED, LOG_FILE: 'api.log', WORKER_LOG_FILE: 'worker.log' });
    expect(loggingOptions(settings, 'api').file).toBe('api.log');
  });

  it('give a worker a file only where it has one of its own', () => {
    expect(loggingOptions(loadSettings(SHARED), 'worker')).toMatchObject({ file: null, console: true });
    const settings = loadSettings({ ...SHARED, WORKER_LOG_FILE: 'worker.log' });
    expect(loggingOptions(settings, 'worker').file).toBe('worker.log');
  });

  it('name the process where there are several, and only there', () => {
    expect(loggingOptions(loadSettings({}), 'api').fields).toBeUndefined();
    for (const role of ['api', 'worker'] as const) {
      const fields = { host: os.hostname(), process: `${role}-${process.pid}` };
      expect(loggingOptions(loadSettings(SHARED), role).fields).toEqual(fields);
    }
  });
});

describe('clusterOptions', () => {
  const told: string[] = [];
  const write = (message: string, fields?: object) => void told.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const logger = { info: write, warning: write } as unknown as AppLogger;

  it('are none for a process that is alone', () => {
    expect(clusterOptions(loadSettings({}), logger)).toBeNull();
  });

  it('tell the log when Redis comes and goes', () => {
    const options = clusterOptions(loadSettings({ ...SHARED, REDIS_PREFIX: 'site' }), logger)!;
    expect(options).toMatchObject({ url: SHARED.REDIS_URL, prefix: 'site' });
    options.onChange(new Error('gone'));
    options.onChange(null);
    expect(told).toEqual([expect.stringContaining('Redis does not answer'), expect.stringContaining('Redis answers')]);
    expect(told.join()).not.toContain('hunter2');
  });
});
