// The older service's way of staging, re-created in older-service/app.py.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ask } from './http.mjs';
import { freePort, startServer } from './process.mjs';

const FOLDER = path.resolve(import.meta.dirname, '../older-service');
const PYTHON = '/usr/bin/python3';

/** Why it cannot run here, or null. */
export function olderServiceMissing() {
  const found = spawnSync(PYTHON, ['-c', 'import fastapi, uvicorn']).status === 0;
  return found ? null : 'needs apt-get install python3-fastapi python3-uvicorn';
}

/** Starts it on the same storage as the service, with areas, database and log of its own in `<home>/older`. */
export async function startOlderService(bench, home, storage) {
  const own = path.join(home, 'older');
  const areas = path.join(own, 'areas');
  mkdirSync(areas, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const argv = [PYTHON, '-B', '-m', 'uvicorn', '--app-dir', FOLDER, '--port', `${port}`, '--no-access-log', 'app:app'];
  await startServer(bench, argv, {
    cwd: own,
    env: { PATH: process.env.PATH, SOURCE_STORAGE_PATH: storage, TARGET_STORAGE_PATH: areas },
    ready: () => ask(undefined, `${url}/config/`).then(({ status }) => status === 200, () => false), // prettier-ignore
  });
  const stageRequest = (source, destination) => [
    `${url}/stage-data/?method=local_copy&username=ana`,
    { method: 'POST', body: { local_path_on_storage: source, relative_path: destination } },
  ];
  return { url, stageRequest };
}
