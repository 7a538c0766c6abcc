import { spawnSync } from 'node:child_process';

/** Why rules of Prometheus cannot be checked here, or null. */
export function promtoolMissing(): string | null {
  return spawnSync('promtool', ['--version']).status === 0 ? null : 'promtool is not installed';
}

/** What promtool said, and whether it was content. */
export function promtool(...argv: string[]): { passed: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', argv, { encoding: 'utf8' });
  return { passed: status === 0, output: stdout + stderr };
}
