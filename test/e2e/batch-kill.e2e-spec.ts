import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanUpAfterEach } from '../support/cleanups';
import { type Answer } from '../support/http-client';
import { operations, privateNames } from '../support/operations';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** A batch of 10,000 files whose service is killed in the middle, more than once: each of them is staged, and once. */

cleanUpAfterEach();

const ITEMS = 10_000;
const PER_DIRECTORY = 500;

const nameOf = (index: number) => `d${Math.floor(index / PER_DIRECTORY)}/f${index}`;

function writeSources(service: RunningService): void {
  for (let index = 0; index < ITEMS; index += 1) {
    const file = path.join(service.storage, nameOf(index));
    if (index % PER_DIRECTORY === 0) mkdirSync(path.dirname(file));
    writeFileSync(file, `content of ${index}\n`);
  }
}

function batch(service: RunningService): Promise<Answer> {
  const items = Array.from({ length: ITEMS }, (_none, index) => ({
    local_path_on_storage: nameOf(index),
    relative_path: `set/${nameOf(index)}`,
  }));
  return service.post('/stage_data/batch?method=local_copy&username=ana', { items });
}

const stateOf = async (service: RunningService, id: string) => (await service.get(`/batches/${id}`)).body;

it('survives being killed in the middle', async () => {
  const service = await startService();
  writeSources(service);
  const accepted = await batch(service);
  expect([accepted.status, accepted.body.accepted]).toEqual([202, ITEMS]);
  const id = accepted.body.batch_id as string;
  for (const enough of [500, 3000, 6000]) {
    await until(async () => (await stateOf(service, id)).counts.success >= enough, 'the batch does not go on', 120);
    await service.kill9();
    await service.restart();
  }
  await until(async () => (await stateOf(service, id)).finished_at !== null, 'the batch does not end', 240);

  expect((await stateOf(service, id)).counts).toEqual({
    queued: 0,
    running: 0,
    success: ITEMS,
    failure: 0,
    cancelled: 0,
  });
  const all = await operations(service, `batch_id=${id}`);
  expect(all).toHaveLength(ITEMS);
  // Published, but not recorded as that before the kill: found by the next attempt, and equal.
  const found = all.filter(({ outcome }) => outcome === 'already_present');
  expect(found.every(({ attempts, matches_source: matches }) => attempts > 1 && matches === true)).toBe(true);
  expect(found.length).toBeLessThanOrEqual(3 * 4);
  const area = path.join(service.areas, 'ana/set');
  const files = readdirSync(area, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files).toHaveLength(ITEMS);
  expect(privateNames(path.join(service.areas, '.staging'))).toEqual([]);
}, 500_000);
