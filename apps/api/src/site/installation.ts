import { createRequire } from 'node:module';
import path from 'node:path';

const fromHere = createRequire(__filename);

/** The folder that the service is installed in, also when this file runs from its source in a test. */
const ROOT = path.resolve(__dirname, /\/dist\/apps\/api\//.test(__filename) ? '../../../../..' : '../../../..');

/** The version of the service. */
export const VERSION = (fromHere(path.join(ROOT, 'package.json')) as { version: string }).version;

/** The folder of the built page; null where none was built. */
export function pageFolder(): string | null {
  try {
    return path.dirname(fromHere.resolve(path.join(ROOT, 'client/dist/index.html')));
  } catch {
    return null;
  }
}
