import fs, {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { writeFiles } from '../../../../test/support/files';
import { loneControl } from '../testing/place-task';
import { createTestSite, memoryFolder, type TestSite } from '../testing/test-site';
import { createFile } from './create-file';

let site: TestSite;
beforeAll(async () => {
  site = await createTestSite({}, memoryFolder());
  writeFiles(site.storage, { 'dir/present': 'kept', file: 'x' });
  symlinkSync('dir', source('to-dir'));
  symlinkSync('/tmp', source('way-out'));
  symlinkSync('nothing', source('dir/dangling'));
  symlinkSync(path.join(site.directory, 'outside'), source('dir/to-outside'));
});
afterAll(() => site.close());

const source = (...names: string[]) => path.join(site.storage, ...names);
const create = (name: string, content = 'new') => site.browser.createFile(name, name, Buffer.from(content));

it('creates a file with its content, in a directory that is there, also by a link or an absolute path', async () => {
  await create('one');
  await create('dir/two words\n', 'content');
  await create('to-dir/three', '');
  await create(source('dir/four'));
  await create('dir/../five');
  expect(
    ['one', 'dir/two words\n', 'dir/three', 'dir/four', 'five'].map((name) => readFileSync(source(name), 'utf8')),
  ).toEqual(['new', 'content', '', 'new', 'new']);
  expect(statSync(source('one')).mode & 0o777).toBe(0o644 & ~process.umask());
});

it.each([
  ['dir/present', 'file_exists'],
  ['dir', 'file_exists'],
  ['dir/dangling', 'file_exists'],
  ['dir/to-outside', 'file_exists'],
  ['nothing/file', 'source_not_found'],
  ['file/below', 'source_not_found'],
  ['../outside', 'path_outside_storage'],
  ['way-out/file', 'path_outside_storage'],
  ['/tmp/file', 'path_outside_storage'],
  ['dir/..', 'validation_failed'],
  ['dir/', 'validation_failed'],
  ['.', 'validation_failed'],
])('refuses %s', async (name, code) => {
  await expect(create(name)).rejects.toMatchObject({ code });
  expect(readFileSync(source('dir/present'), 'utf8')).toBe('kept');
  expect(existsSync(path.join(site.directory, 'outside'))).toBe(false);
  expect(existsSync('/tmp/file')).toBe(false);
});

(process.getuid!() === 0 ? it.skip : it)('refuses where the service may not write (left out as root)', async () => {
  mkdirSync(source('read-only'));
  chmodSync(source('read-only'), 0o500);
  await expect(create('read-only/file')).rejects.toMatchObject({ code: 'not_found' });
});

describe('when writing fails', () => {
  afterEach(() => jest.restoreAllMocks());

  const failing = (name: string, meanwhile: () => void) => {
    jest.spyOn(fs, 'writeSync').mockImplementation(() => {
      meanwhile();
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', errno: -28 });
    });
    const task = { storages: site.views.ofService, raw: name, asSent: name, content: Buffer.from('x') };
    expect(() => createFile(task, loneControl())).toThrow(expect.objectContaining({ code: 'insufficient_storage' }));
  };

  it('half a file is removed again', () => {
    failing('dir/half', () => expect(existsSync(source('dir/half'))).toBe(true));
    expect(existsSync(source('dir/half'))).toBe(false);
  });

  it("somebody else's file of the same name is not", () => {
    failing('dir/swapped', () => {
      renameSync(source('dir/swapped'), source('dir/moved'));
      writeFileSync(source('dir/swapped'), 'theirs');
    });
    expect(readFileSync(source('dir/swapped'), 'utf8')).toBe('theirs');
  });
});
