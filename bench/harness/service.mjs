// The service itself, as `npm start` runs it.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ask, keepAlive } from './http.mjs';
import { freePort, startServer } from './process.mjs';

const PROGRAM = path.resolve(import.meta.dirname, '../../dist/apps/api/src/main.js');
export const USER = 'ana';

/**
 * Starts the built service on `<home>/storage` with areas, database and log of its own in `<home>/<name>`, so that all
 * of it lies on the file system that is measured.
 */
export async function startService(bench, home, { name = 'service', env = {} } = {}) {
  const storage = path.join(home, 'storage');
  const own = path.join(home, name);
  const areas = path.join(own, 'areas');
  for (const folder of [storage, areas]) mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const service = new Service(`http://127.0.0.1:${port}`, { storage, areas, own });
  const { pid, stop } = await startServer(bench, [process.execPath, PROGRAM], {
    cwd: own,
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: `${port}`,
      SOURCE_STORAGE_PATH: storage,
      TARGET_STORAGE_PATH: areas,
      DATABASE_URL: `sqlite:${path.join(own, 'staging.sqlite')}`,
      LOG_FILE: path.join(own, 'staging_service.log'),
      ...env,
    },
    ready: () => service.get('/ping').then(({ status }) => status === 200, () => false), // prettier-ignore
  });
  return Object.assign(service, { pid, stop });
}

class Service {
  #agent = keepAlive(64);

  constructor(url, folders) {
    this.url = url;
    Object.assign(this, folders);
  }

  /** The request that stages `source` (below the storage) to `destination`; for {@link load} and {@link stage}. */
  stageRequest(method, source, destination) {
    return [
      `${this.url}/stage_data?method=${method}&username=${USER}`,
      { method: 'POST', body: { local_path_on_storage: path.join(this.storage, source), relative_path: destination } },
    ];
  }

  /** Stages and waits for the end; throws unless it was staged. Returns the operation. */
  async stage(method, source, destination) {
    const { status, body } = await ask(this.#agent, ...this.stageRequest(method, source, destination));
    if (status !== 200 || body.operation.outcome !== 'staged') {
      throw new Error(`Staging ${source} answered ${status}: ${JSON.stringify(body)}`);
    }
    return body.operation;
  }

  /** `GET`; the answer with its `milliseconds`. */
  get(path, headers) {
    return ask(this.#agent, this.url + path, { headers });
  }

  /** Where a destination lies on this host. */
  staged(destination) {
    return path.join(this.areas, USER, destination);
  }
}
