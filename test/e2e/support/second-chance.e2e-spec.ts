import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from '../../support/temporary-folder';

const JEST = path.resolve(__dirname, '../../../node_modules/jest/bin/jest.js');
const support = (name: string) => path.resolve(__dirname, '../../support', name);

/** A real run of Jest on one spec; `failures`: how often its second test fails before it passes. */
function run(failures: number, retries: string | undefined) {
  const folder = temporaryFolder('staging-second-chance-');
  writeFileSync(
    path.join(folder, 'some.spec.js'),
    `let calls = 0;
     it('is steady', () => undefined);
     it('is not', () => { calls += 1; if (calls <= ${failures}) throw new Error('not yet'); });`,
  );
  const config = {
    rootDir: folder,
    testEnvironment: 'node',
    transform: {},
    setupFilesAfterEnv: [support('second-chance.cjs')],
    reporters: [support('closing-line-reporter.cjs')],
  };
  writeFileSync(path.join(folder, 'jest.config.json'), JSON.stringify(config));
  const { status, stdout } = spawnSync(process.execPath, [JEST, '--config', path.join(folder, 'jest.config.json')], {
    env: { ...process.env, TEST_RETRIES: retries },
    encoding: 'utf8',
  });
  return { status, last: stdout.trimEnd().split('\n').slice(-2) };
}

describe('a test that fails', () => {
  it('has failed, unless it is to be tried again', () => {
    expect(run(1, undefined)).toMatchObject({ status: 1, last: expect.arrayContaining(['1 passed, 1 failed']) });
  });

  it('is named at the end of a run in which it passed when it was tried again', () => {
    const last = ['Passed only when tried again: some.spec.js, is not', '2 passed, 0 failed'];
    expect(run(1, '1')).toEqual({ status: 0, last });
  });

  it('has failed when it fails again', () => {
    expect(run(2, '1')).toMatchObject({ status: 1, last: expect.arrayContaining(['1 passed, 1 failed']) });
  });
});
