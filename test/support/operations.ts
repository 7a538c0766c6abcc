import { type Dirent, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Answer } from './http-client';
import { type RunningService } from './service';
import { until } from './until';

/** A record, line of a manifest or of the log, as the API tells it: a test looks into it as it likes. */
type Told = Answer['body'];

const PAGE = 500;

/** An operation as the service tells it now. */
export async function operationOf(service: RunningService, id: string): Promise<Told> {
  return (await answerOf(service, `/operations/${id}`)) as Told;
}

/** All operations, the newest first; `search` narrows, such as `status=running`. */
export function operations(service: RunningService, search = ''): Promise<Told[]> {
  return allPages(service, `/operations?${search}`);
}

/** The whole manifest of an operation. */
export function manifestOf(service: RunningService, id: string): Promise<Told[]> {
  return allPages(service, `/operations/${id}/files?`);
}

/** The log of an operation that was asked for, the oldest line first; its request's own line comes a moment after the answer. */
export async function logOf(service: RunningService, id: string): Promise<Told[]> {
  let lines: Told[] = [];
  await until(async () => {
    lines = await allPages(service, `/operations/${id}/log?`);
    return lines.some(({ message }) => message === 'POST /stage_data');
  }, `The request of ${id} was not logged`);
  return lines.reverse();
}

/** The value of a metric, by its name with its labels as they are written; 0 when it does not appear. */
export async function metric(service: RunningService, name: string): Promise<number> {
  const { body } = await service.get('/metrics');
  const line = (body as string).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

async function allPages(service: RunningService, address: string): Promise<Told[]> {
  const items: Told[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const more = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = (await answerOf(service, `${address}&limit=${PAGE}${more}`)) as Told;
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return items;
}

async function answerOf(service: RunningService, address: string): Promise<unknown> {
  const { status, body } = await service.get(address);
  if (status !== 200) throw new Error(`${address} answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

const ID = /^(?:\.staging-)?([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})$/;

/** Names in a directory that are those of private directories of operations (`.staging`, or a directory of an area). */
export function privateNames(directory: string): string[] {
  return entriesOf(directory)
    .map((entry) => entry.name)
    .filter((name) => ID.test(name));
}

/**
 * Waits until an operation has written at least `bytes` to one file of its private directory in `directory`, so that it
 * is in the middle of its work; returns its id.
 */
export async function operationWriting(directory: string, bytes = 1): Promise<string> {
  let id: string | undefined;
  await until(() => {
    const busy = privateNames(directory).find((name) => largestFile(path.join(directory, name)) >= bytes);
    id = busy && ID.exec(busy)![1];
    return id !== undefined;
  }, `Nothing is written in ${directory}`);
  return id!;
}

/** Size of the largest file below a directory; -1 when there is none. */
function largestFile(directory: string): number {
  const sizes = entriesOf(directory).map((entry) => {
    const place = path.join(directory, entry.name);
    if (entry.isDirectory()) return largestFile(place);
    return entry.isFile() ? (statSync(place, { throwIfNoEntry: false })?.size ?? -1) : -1;
  });
  return Math.max(-1, ...sizes);
}

/** The entries of a directory that may go away at any time. */
function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code!)) return [];
    throw error;
  }
}
