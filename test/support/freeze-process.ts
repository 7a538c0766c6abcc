import { readdirSync, readFileSync } from 'node:fs';

/** Stops a process (SIGSTOP); when this returns, all its threads stand. It goes on with SIGCONT. */
export function freezeProcess(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  const tasks = `/proc/${pid}/task`;
  const stopped = (task: string) => /\) T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'));
  // The signal is on its way to each thread yet.
  while (!readdirSync(tasks).every(stopped));
}
