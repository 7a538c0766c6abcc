import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from '../../../../test/support/temporary-folder';
import { errnoOf } from './handle';
import { renameNoReplace } from './rename-no-replace';

describe('renameNoReplace', () => {
  const folder = temporaryFolder();
  const at = (...names: string[]) => path.join(folder, ...names);
  let from: number;
  let to: number;
  beforeAll(() => {
    mkdirSync(at('from'));
    mkdirSync(at('to'));
    [from, to] = ['from', 'to'].map((name) => openSync(at(name), constants.O_RDONLY | constants.O_DIRECTORY)) as [
      number,
      number,
    ];
  });
  afterAll(() => [from, to].forEach((handle) => closeSync(handle)));

  const errnoFor = (fromName: string, toName: string) => {
    try {
      renameNoReplace(from, fromName, to, toName);
      return undefined;
    } catch (error) {
      return errnoOf(error) ?? error;
    }
  };

  it('renames, by handles, names of any bytes', () => {
    const name = 'é ü\n';
    writeFileSync(at('from', name), 'content');
    renameSync(at('to'), at('moved'));
    expect(renameNoReplace(from, Buffer.from(name).toString('latin1'), to, '\xff\xfe')).toBe(true);
    expect(readFileSync(Buffer.concat([Buffer.from(`${at('moved')}/`), Buffer.from([0xff, 0xfe])]), 'utf8')).toBe(
      'content',
    );
    expect(existsSync(at('from', name))).toBe(false);
    renameSync(at('moved'), at('to'));
  });

  it('replaces nothing, and says why', () => {
    writeFileSync(at('from/one'), 'one');
    writeFileSync(at('to/file'), 'mine');
    mkdirSync(at('to/empty'));
    expect([errnoFor('one', 'file'), errnoFor('one', 'empty')]).toEqual(['EEXIST', 'EEXIST']);
    expect(errnoFor('missing', 'new')).toBe('ENOENT');
    expect([readFileSync(at('from/one'), 'utf8'), readFileSync(at('to/file'), 'utf8')]).toEqual(['one', 'mine']);
  });

  it('takes plain names alone', () => {
    for (const name of ['', '..', 'a/b', 'a\0b']) {
      expect(errnoFor(name, 'new')).toEqual(new Error('not a plain file name'));
      expect(errnoFor('one', name)).toEqual(new Error('not a plain file name'));
    }
  });

  it('says that it is not offered where a file system does not know it', () => {
    // procfs has no rename at all; its answer to this one is that of file systems that know no flags.
    const none = openSync('/proc/self', constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      expect(() => renameNoReplace(none, 'status', none, 'new')).toThrow();
    } finally {
      closeSync(none);
    }
  });
});
