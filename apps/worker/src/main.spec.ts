import { spawnSync } from 'node:child_process';
import path from 'node:path';

/** Runs the compiled program to its end. */
function start(env: Record<string, string>) {
  const program = path.resolve(__dirname, '../../../dist/apps/worker/src/main.js');
  return spawnSync(process.execPath, [program], { env, encoding: 'utf8', timeout: 20_000 });
}

describe('a worker', () => {
  it('does not start without a queue to take work from', () => {
    const { status, stdout, stderr } = start({});
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^The settings are not usable:\n {2}- REDIS_URL: needed by a worker.*\n$/);
  });

  it('names all else that is wrong with its settings, and no value', () => {
    const { status, stderr } = start({ REDIS_URL: 'redis://:hunter2@queue.example.org', WORKER_HTTP_PORT: 'hunter2' });
    expect(status).toBe(1);
    expect(stderr).toContain('WORKER_HTTP_PORT: must be a whole number');
    expect(stderr).not.toContain('hunter2');
  });
});
