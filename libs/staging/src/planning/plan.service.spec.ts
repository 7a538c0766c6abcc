import { AppError } from '@app/core';
import { fakeMethod, newOutcome, newRequest, setupStaging, type StagingSetup } from '../testing';
import { type StagingMethod, type StagingPlan } from '../contract/staging-method';

let setup: StagingSetup;
afterEach(() => setup.close());

const PLAN: StagingPlan = {
  storage: 'default',
  kind: 'file',
  stagedPath: 'in/out',
  action: 'copy',
  files: 1,
  bytes: 5,
  matchesSource: null,
  spaceNeeded: 5,
  spaceFree: 100,
};
const never = new AbortController().signal;

async function begin(plan: StagingMethod['plan']): Promise<void> {
  setup = await setupStaging([fakeMethod(() => Promise.resolve(newOutcome()), { plan })]);
}

describe('PlanService', () => {
  it('tells what the method would do, and records nothing', async () => {
    await begin((operation) => Promise.resolve({ ...PLAN, remark: `of ${operation.source.asSent}` }));
    const planned = await setup.plans.begin().plan(newRequest({ method: 'old_fake' }), never);
    expect(planned).toMatchObject({ method: 'fake', plan: { action: 'copy' }, refusal: null, remark: 'of source' });
    expect((await setup.records.operations.page({}, 1)).items).toEqual([]);
  });

  it.each([
    ['an unknown method', { method: 'teleport' }, 'invalid_method'],
    ['a system account', { username: 'root' }, 'forbidden'],
    ['what the method refuses', {}, 'source_not_found'],
  ])('tells that %s would be refused', async (_what, overrides, code) => {
    await begin(() => Promise.reject(new AppError('source_not_found', 'No.')));
    const planned = await setup.plans.begin().plan(newRequest(overrides), never);
    expect(planned).toMatchObject({ plan: null, refusal: { code } });
  });

  it('tells nothing of a defect but that there is one', async () => {
    await begin(() => Promise.reject(new TypeError('hunter2')));
    const { refusal } = await setup.plans.begin().plan(newRequest(), never);
    expect(refusal!.code).toBe('internal_error');
    expect(refusal!.message).not.toContain('hunter2');
    const [entry] = await setup.logged('A plan could not be made');
    // With its stack.
    expect(JSON.stringify(entry)).toMatch(/hunter2.*plan\.service\.spec/);
  });

  it('says so when the method cannot tell', async () => {
    await begin(undefined);
    const planned = await setup.plans.begin().plan(newRequest(), never);
    expect(planned).toMatchObject({ plan: null, refusal: null, remark: expect.stringMatching(/cannot tell/) });
  });

  it('tells apart what names one destination in one planning', async () => {
    await begin(() => Promise.resolve(PLAN));
    const planning = setup.plans.begin();
    const first = await planning.plan(newRequest({ localPathOnStorage: 'a' }), never);
    const second = await planning.plan(newRequest({ localPathOnStorage: 'b' }), never);
    expect([first.refusal, second.refusal?.code]).toEqual([null, 'destination_conflict']);
    await expect(setup.plans.begin().plan(newRequest({ localPathOnStorage: 'b' }), never)).resolves.toMatchObject({
      refusal: null,
    });
  });

  it('throws for what is no request, and ends by its signal', async () => {
    await begin((_operation, signal) => Promise.reject(signal.reason as Error));
    const planning = setup.plans.begin();
    await expect(planning.plan(newRequest({ localPathOnStorage: '' }), never)).rejects.toMatchObject({
      code: 'validation_failed',
    });
    const reason = new Error('no longer');
    await expect(planning.plan(newRequest(), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
