// What a turn takes of the machine: processor time of processes, and how long the disk was busy (proc(5), the kernel's iostats).
import { readFileSync, statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** Ticks of `/proc/<pid>/stat` in a second: so on every Linux that Node runs on. */
const TICKS = 100;

/** Seconds that a process has had a core, with all its threads, and the commands that it ran and that have ended. */
const cpuSeconds = (pid) => seconds(`/proc/${pid}/stat`, 4);

/** The same of its first thread alone, which cannot have more than one core. */
const firstThreadSeconds = (pid) => seconds(`/proc/${pid}/task/${pid}/stat`, 2);

function seconds(file, count) {
  const text = readFileSync(file, 'utf8');
  // The name before may hold blanks; the third field comes first then.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 11 + count).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
}

/** Seconds that the device below a folder has been busy; 0 where the kernel does not tell. */
function busySeconds(folder) {
  const { dev } = statSync(folder);
  const number = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  try {
    return Number(readFileSync(`/sys/dev/block/${number}/stat`, 'utf8').trim().split(/\s+/)[9]) / 1000;
  } catch {
    return 0;
  }
}

/** Seconds that cores of the whole machine were in use, by whomever. */
function machineSeconds() {
  const [user, nice, system, , , irq, softirq] = /^cpu +(.*)$/m
    .exec(readFileSync('/proc/stat', 'utf8'))[1]
    .split(' ')
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
}

/**
 * Begins to count. `stations` has the process ids of each part of the site by its name. The function that is returned tells
 * the seconds since then: `wall`; `disk`; `machine` (all cores, others' work as well); `cpu` of each station, and `first`: of
 * the first threads of its processes.
 */
export function countUsage(stations, folder) {
  const each = (secondsOf) =>
    Object.entries(stations).map(([name, pids]) => [name, pids.reduce((sum, pid) => sum + secondsOf(pid), 0)]);
  const now = () => ({
    wall: performance.now() / 1000,
    disk: busySeconds(folder),
    machine: machineSeconds(),
    cpu: each(cpuSeconds),
    first: each(firstThreadSeconds),
  });
  const since = (end, start) =>
    typeof end === 'number'
      ? end - start
      : Object.fromEntries(end.map(([name, value], at) => [name, value - start[at][1]]));
  const start = now();
  return () => Object.fromEntries(Object.entries(now()).map(([name, end]) => [name, since(end, start[name])]));
}
