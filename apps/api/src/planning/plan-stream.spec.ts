import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '@app/core';
import { type PlannedOperation, type StageRequest, type StagingPlan } from '@app/staging';
import { until } from '../../../../test/support/until';
import { type PlanDto } from './dto/plan.dto';
import { planText } from './plan-stream';
import { PlanSums } from './plan-sums';

const request = (name: string): StageRequest => ({
  method: 'local_copy',
  username: 'ana',
  requestedBy: null,
  localPathOnStorage: name,
  relativePath: `to/${name}`,
  nameEncoding: null,
  storage: undefined,
  checksum: undefined,
  ifExists: 'skip',
  label: undefined,
  server: undefined,
});

const plan = (values: Partial<StagingPlan> = {}): StagingPlan => ({
  storage: 'default',
  kind: 'file',
  stagedPath: 'to/x',
  action: 'copy',
  files: 1,
  bytes: 100,
  matchesSource: null,
  spaceNeeded: 100,
  spaceFree: 250,
  ...values,
});

const planned = (name: string, values: Partial<PlannedOperation> = {}): PlannedOperation => ({
  request: request(name),
  method: 'local_copy',
  view: undefined,
  plan: plan(),
  refusal: null,
  remark: null,
  ...values,
});

// eslint-disable-next-line @typescript-eslint/require-await -- parts that are known have the form of those that are read
async function* parts<T>(...all: T[][]): AsyncGenerator<T[]> {
  yield* all;
}

async function read(chunks: AsyncIterable<Buffer>): Promise<PlanDto> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return JSON.parse(Buffer.concat(all).toString()) as PlanDto;
}

const planOf = (operations: PlannedOperation[]) =>
  read(planText(parts(operations), (one) => Promise.resolve(one), new PlanSums()));

describe('a plan', () => {
  it('tells of each item what would happen, and adds it up', async () => {
    const refusal = new AppError('source_not_found', 'Source path does not exist: c');
    const { items, totals } = await planOf([
      planned('a'),
      planned('b', { plan: plan({ action: 'none', matchesSource: true, spaceNeeded: 0 }) }),
      planned('c', { plan: null, refusal }),
      planned('d', { plan: plan({ action: 'clone', kind: 'directory', files: 7, spaceNeeded: 0 }) }),
      planned('e', { plan: plan({ action: 'download', stagedPath: null, spaceNeeded: null, spaceFree: null }) }),
      planned('f', { plan: null, remark: 'Nobody knows.' }),
      planned('g', { plan: plan({ spaceNeeded: 151 }) }),
    ]);
    expect(items[0]).toEqual({
      index: 0,
      method: 'local_copy',
      username: 'ana',
      local_path_on_storage: 'a',
      relative_path: 'to/a',
      storage: 'default',
      name_encoding: null,
      kind: 'file',
      staged_path: 'to/x',
      action: 'copy',
      files_total: 1,
      bytes_total: 100,
      matches_source: null,
      error_code: null,
      error_reason: null,
      remark: null,
      space_left_after: 150,
    });
    expect(items.map(({ index, action, space_left_after: left }) => [index, action, left])).toEqual([
      [0, 'copy', 150],
      [1, 'none', null],
      [2, 'refused', null],
      [3, 'clone', 150],
      [4, 'download', null],
      [5, 'unknown', null],
      [6, 'copy', -1],
    ]);
    expect(items[1]).toMatchObject({ matches_source: true });
    expect(items[2]).toMatchObject({ error_code: 'source_not_found', error_reason: refusal.message, kind: null });
    expect(items[5]).toMatchObject({ remark: 'Nobody knows.', staged_path: null });
    expect(totals).toEqual({
      items: {
        copy: 2,
        clone: 1,
        hard_link: 0,
        symbolic_link: 0,
        upload: 0,
        download: 1,
        none: 1,
        unknown: 1,
        refused: 1,
      },
      files: 10,
      bytes: 400,
      space_needed: 251,
      space_left_after: -1,
      enough_space: false,
    });
  });

  it('says nothing of space where nothing is written', async () => {
    const { totals } = await planOf([planned('a', { plan: plan({ action: 'none' }) })]);
    expect(totals).toMatchObject({ files: 0, bytes: 0, space_needed: 0, space_left_after: null, enough_space: null });
  });

  it('shows paths as users see them, percent-encoded where they are sent so', async () => {
    const raw = { ...request('a%FF'), nameEncoding: 'percent' as const };
    const { items } = await planOf([
      planned('a%FF', { request: raw, view: '/home/ana', plan: plan({ stagedPath: 'to/\xff' }) }),
    ]);
    expect(items[0]).toMatchObject({ staged_path: '/home/ana/to/%FF', name_encoding: 'percent' });
    const plainOne = await planOf([planned('é', { view: '/home/é', plan: plan({ stagedPath: 'to/\xc3\xa9' }) })]);
    expect(plainOne.items[0]).toMatchObject({ staged_path: '/home/é/to/é', name_encoding: null });
  });

  it('looks at eight at a time, and tells them in their order', async () => {
    const waiting = new Map<number, (value: PlannedOperation) => void>();
    let begun = 0;
    const plans = (index: number) => {
      begun += 1;
      return new Promise<PlannedOperation>((resolve) => waiting.set(index, resolve));
    };
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const answer = read(planText(parts(numbers.slice(0, 5), numbers.slice(5)), plans, new PlanSums()));
    for (let ended = 0; ended < 20;) {
      await until(() => begun === Math.min(20, ended + 8), `${begun} begun when ${ended} had ended`);
      // The newest first: their turn to be told is later all the same.
      const open = [...waiting.keys()].sort((one, other) => other - one);
      for (const index of open) waiting.get(index)!(planned(`n${index}`));
      waiting.clear();
      ended = begun;
    }
    expect((await answer).items.map((item) => item.local_path_on_storage)).toEqual(numbers.map((index) => `n${index}`));
  });

  it('begins no more when its reader goes away, and waits for those that have begun', async () => {
    let begun = 0;
    let ended = 0;
    const plans = async () => {
      begun += 1;
      await new Promise((resolve) => setImmediate(resolve));
      ended += 1;
      return planned('x'.repeat(20_000));
    };
    const many = Array.from({ length: 100 }, (_, index) => index);
    const chunks = planText(parts(many), plans, new PlanSums());
    await chunks.next();
    await chunks.return(undefined);
    expect(begun).toBeLessThan(20);
    expect(ended).toBe(begun);
  });

  it('breaks off when an item cannot be planned at all', async () => {
    const plans = (index: number) =>
      index === 3 ? Promise.reject(new Error('defect')) : Promise.resolve(planned('a'));
    await expect(read(planText(parts([0, 1, 2, 3, 4]), plans, new PlanSums()))).rejects.toThrow('defect');
  });

  it('tells a failure in its turn, also when it comes before', async () => {
    const lost: unknown[] = [];
    const onLost = (reason: unknown) => lost.push(reason);
    process.on('unhandledRejection', onLost);
    const plans = async (index: number) => {
      if (index === 1) throw new Error('defect');
      await nextTurn();
      return planned('a');
    };
    await expect(read(planText(parts([0, 1]), plans, new PlanSums()))).rejects.toThrow('defect');
    process.off('unhandledRejection', onLost);
    expect(lost).toEqual([]);
  });
});
