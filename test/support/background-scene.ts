import { readdirSync } from 'node:fs';
import { makeEndlessFile } from './files';
import { type Answer } from './http-client';
import { operationOf } from './operations';
import { type RunningService, type ServiceOptions, startService } from './service';
import { until } from './until';

/** Bytes. */
export const GIB = 1024 ** 3;

/** The header of a request whose answer does not wait for its end. */
export const ASYNC = { Prefer: 'respond-async' };

/** A service with a small file, and one whose copy takes a minute. */
export async function serviceWithEndless(options: ServiceOptions = {}): Promise<RunningService> {
  const service = await startService({ files: { small: 'small' }, ...options });
  makeEndlessFile(`${service.storage}/endless`);
  return service;
}

/** A body that asks for a source, at a place of the same name unless it says another. */
export function from(source: string, to = source) {
  return { local_path_on_storage: source, relative_path: to };
}

/** The id of the operation of an answer. */
export function idOf(answer: Answer): string {
  return answer.body.operation.id as string;
}

/** What lies in private directories. */
export function leftOvers(service: RunningService): string[] {
  return readdirSync(`${service.areas}/.staging`);
}

/** The operation once it has this status, as callers see it. */
export async function became(service: RunningService, id: string, status: string): Promise<Answer['body']> {
  await until(async () => (await operationOf(service, id)).status === status, `it did not become ${status}`, 100);
  return operationOf(service, id);
}
