import { linkSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { temporaryFolder } from '../../support/temporary-folder';
import { describeWhere } from '../../support/describe-where';
import { type ImageType, mountImage, mountingMissing, mountTmpfs } from '../../support/mounts';

const MIB = 1024 ** 2;
const mounted = () => readFileSync('/proc/self/mountinfo', 'utf8');

describeWhere(mountingMissing(), 'mountTmpfs', () => {
  it('is as small as asked for, and gone after unmount', () => {
    const mount = mountTmpfs(4 * MIB);
    expect(() => writeFileSync(`${mount.path}/large`, Buffer.alloc(5 * MIB))).toThrow(/ENOSPC/);
    expect(mounted()).toContain(mount.path);
    mount.unmount();
    mount.unmount();
    expect(mounted()).not.toContain(mount.path);
    expect(readdirSync(mount.path)).toEqual([]);
  });

  it('holds as many files as asked for', () => {
    const { path } = mountTmpfs(MIB, { inodes: 3 });
    writeFileSync(`${path}/1`, '');
    writeFileSync(`${path}/2`, '');
    expect(() => writeFileSync(`${path}/3`, '')).toThrow(/ENOSPC/);
  });

  it('is another file system than the temporary folder', () => {
    const { path } = mountTmpfs(MIB);
    const file = `${temporaryFolder()}/file`;
    writeFileSync(file, '');
    expect(() => linkSync(file, `${path}/file`)).toThrow(/EXDEV/);
  });
});

describe.each<[ImageType, number, number]>([
  ['ext4', 16, 0xef53],
  ['btrfs', 128, 0x9123683e],
  ['xfs', 320, 0x58465342],
])('mountImage(%s)', (type, mebibytes, magic) => {
  describeWhere(mountingMissing(type), 'where it can be mounted', () => {
    it('is a file system of that type', () => {
      const mount = mountImage(type, mebibytes * MIB);
      writeFileSync(`${mount.path}/file`, 'content');
      expect(statfsSync(mount.path).type).toBe(magic);
      mount.unmount();
      expect(mounted()).not.toContain(mount.path);
    });
  });
});
