import { existsSync } from 'node:fs';
import { cleanUpAfterEach, onCleanup } from '../../support/cleanups';
import { temporaryFolder } from '../../support/temporary-folder';

describe('cleanUpAfterEach', () => {
  cleanUpAfterEach();
  const done: string[] = [];
  let shared: string;
  let own: string;

  beforeAll(() => {
    shared = temporaryFolder();
  });

  it('undoes what a test started, the last first', () => {
    own = temporaryFolder();
    onCleanup(() => void done.push('first'));
    onCleanup(() => void done.push('last'));
    expect(done).toEqual([]);
  });

  it('did so after the test, and kept what beforeAll started', () => {
    expect(done).toEqual(['last', 'first']);
    expect(existsSync(own)).toBe(false);
    expect(existsSync(shared)).toBe(true);
  });
});
