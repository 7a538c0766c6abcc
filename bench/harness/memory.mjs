// How much memory a process takes (proc(5)).
import { readFileSync, writeFileSync } from 'node:fs';

function megabytes(pid, name) {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(line[1]) * 1024) / 1e6;
}

/** Resident megabytes now. */
export const resident = (pid) => megabytes(pid, 'VmRSS');

/** The most that was resident since {@link forgetPeak}, in megabytes. */
export const peak = (pid) => megabytes(pid, 'VmHWM');

/** Begins anew with the peak. */
export const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5');
