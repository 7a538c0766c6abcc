import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLogging, type Logging } from '../create-logging';
import { type LogEntry } from '../log-entry';
import { type LoggingOptions } from '../logging-options';

/** A log in a folder of its own, for specs; its console is a file as well. */
export interface TemporaryLog extends Logging {
  folder: string;
  file: string;
  consoleFile: string;
  /** The lines of a file of the log, without the last newline; none when there is no file. */
  lines(suffix?: string): string[];
  /** What the console got. */
  consoleLines(): string[];
  /** Closes the log and removes the folder. */
  remove(): Promise<void>;
}

/** Makes a log; `options` override what is given here. */
export function createTemporaryLog(options: Partial<LoggingOptions> = {}): TemporaryLog {
  const folder = mkdtempSync(path.join(tmpdir(), 'logging-'));
  const file = options.file ?? path.join(folder, 'staging_service.log');
  const consoleFile = path.join(folder, 'console');
  const descriptor = openSync(consoleFile, 'a');
  const defaults: LoggingOptions = { level: 'DEBUG', file, maxBytes: 104_857_600, maxFiles: 10, console: false };
  const logging = createLogging({ ...defaults, ...options }, descriptor);
  return {
    ...logging,
    folder,
    file,
    consoleFile,
    lines: (suffix = '') => linesOf(file + suffix),
    consoleLines: () => linesOf(consoleFile),
    async remove() {
      await logging.logger.close();
      closeSync(descriptor);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The whole lines of a text file; throws when the last is not whole. */
export function linesOf(file: string): string[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  if (lines.pop() !== '') throw new Error(`${file} does not end with a newline`);
  return lines;
}

/** The entries of lines, which must all be JSON. */
export function entriesOf(lines: string[]): LogEntry[] {
  return lines.map((line) => JSON.parse(line) as LogEntry);
}

/** The files below a folder that this process holds open, but for the console of its log. */
export function openFilesBelow(folder: string): string[] {
  const targets = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      // Closed meanwhile, as the one that lists the descriptors.
      return '';
    }
  });
  return targets.filter((target) => target.startsWith(`${folder}/`) && !target.endsWith('/console'));
}

/** Resolves when the condition holds; the test's own time limit ends a wait in vain. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
