// What a turn takes of the machine: processor time of processes, and how long the disk was busy (proc(5), the kernel's iostats).
import { readFileSync, statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** Ticks of `/proc/<pid>/stat` in a second: so on every Linux that Node runs on. */
const TICKS = 100;

/** Seconds that a process has had a core, with all its threads, and the commands that it ran and that have ended. */
function cpuSeconds(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name before may hold blanks; the third field comes first then.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
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
 * the seconds since then: `wall`, `disk`, `machine` (all cores, others' work as well), `cpu` of each station.
 */
export function countUsage(stations, folder) {
  const now = () => ({
    wall: performance.now() / 1000,
    disk: busySeconds(folder),
    machine: machineSeconds(),
    cpu: Object.entries(stations).map(([, pids]) => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)),
  });
  const start = now();
  return () => {
    const end = now();
    const cpu = Object.keys(stations).map((name, index) => [name, end.cpu[index] - start.cpu[index]]);
    return {
      wall: end.wall - start.wall,
      disk: end.disk - start.disk,
      machine: end.machine - start.machine,
      cpu: Object.fromEntries(cpu),
    };
  };
}
