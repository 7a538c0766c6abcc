import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

/** Any object of a cluster: a test looks into it as it likes. */
export type ClusterObject = ReturnType<typeof JSON.parse>;

/** The first version whose Kustomize has all that ours use. */
const LEAST = [1, 25];

/** Why nothing can be rendered here, or null: Debian's own kubectl is older than components. */
export function kubectlMissing(): string | null {
  const { status, stdout } = spawnSync('kubectl', ['version', '--client', '--output=json'], { encoding: 'utf8' });
  if (status !== 0) return 'kubectl is not installed';
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { major: string; minor: string } };
  const [major, minor] = [clientVersion.major, clientVersion.minor].map((text) => Number.parseInt(text, 10));
  const isNew = major! > LEAST[0]! || (major === LEAST[0] && minor! >= LEAST[1]!);
  return isNew ? null : `kubectl is older than ${LEAST.join('.')}`;
}

/** The objects that `kubectl kustomize` makes of a folder. Throws what it says when it cannot. */
export function render(folder: string): ClusterObject[] {
  const text = execFileSync('kubectl', ['kustomize', path.resolve(folder)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const objects = parseAllDocuments(text).map((document): ClusterObject => document.toJS());
  // Long values of secrets come on several lines, which the cluster allows and the letter of the schema does not.
  for (const { data } of objects.filter(({ kind }) => kind === 'Secret')) {
    for (const [key, value] of Object.entries<string>(data)) data[key] = value.replace(/\s/g, '');
  }
  return objects;
}
