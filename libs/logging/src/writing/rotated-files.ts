import { readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from './error-code';

/** The greatest number that a rotated file can have (the setting's own limit); larger ones belong to somebody else. */
export const MAX_ROTATED = 1000;

/** The name of a rotated file; 1 is the newest. */
export function rotatedName(file: string, number: number): string {
  return `${file}.${number}`;
}

/** The numbers of the rotated files that there are, in rising order. A missing folder has none. */
export async function rotatedNumbers(file: string): Promise<number[]> {
  const lead = `${path.basename(file)}.`;
  let names: string[];
  try {
    names = await readdir(path.dirname(file));
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
  return names
    .filter((name) => name.startsWith(lead) && /^[1-9]\d*$/.test(name.slice(lead.length)))
    .map((name) => Number(name.slice(lead.length)))
    .filter((number) => number <= MAX_ROTATED)
    .sort((one, other) => one - other);
}

/**
 * Moves the live file to `.1` and the others one number up, of which `maxFiles` stay. Files behind a gap in the numbers
 * stay where they are, so that a rotation that a crash cut short costs no file.
 */
export async function rotateFiles(file: string, maxFiles: number): Promise<void> {
  const numbers = await rotatedNumbers(file);
  for (const number of numbers.filter((one) => one > maxFiles)) await rm(rotatedName(file, number), { force: true });
  const free = numbers.findIndex((number, index) => number !== index + 1);
  const end = Math.min(free === -1 ? numbers.length + 1 : free + 1, maxFiles);
  for (let number = end - 1; number >= 1; number -= 1) {
    await rename(rotatedName(file, number), rotatedName(file, number + 1));
  }
  await rename(file, rotatedName(file, 1));
}
