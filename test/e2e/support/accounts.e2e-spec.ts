import { readFileSync, writeFileSync } from 'node:fs';
import { accountsMissing, ALICE, BOB, runAs, writeUserMap } from '../../support/accounts';
import { describeWhere } from '../../support/describe-where';
import { temporaryFolder } from '../../support/temporary-folder';

it('writes a user map', () => {
  const file = writeUserMap(temporaryFolder(), { alice: ALICE, bob: BOB });
  expect(readFileSync(file, 'utf8')).toBe('alice:61001:61001\nbob:61002:61002\n');
});

describeWhere(accountsMissing(), 'runAs', () => {
  it('runs as that user, without groups or capabilities', () => {
    const status = runAs(ALICE, ['cat', '/proc/self/status']).stdout;
    expect(status).toMatch(/^Uid:\t61001\t61001\t61001\t61001$/m);
    expect(status).toMatch(/^Groups:\t *$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
  });

  it('is held by modes as a user is', () => {
    const file = `${temporaryFolder()}/secret`;
    writeFileSync(file, 'secret', { mode: 0o600 });
    expect(runAs(BOB, ['cat', file])).toMatchObject({ status: 1, stdout: '' });
  });
});
