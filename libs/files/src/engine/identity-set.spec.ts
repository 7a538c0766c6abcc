import { identityOf, IdentitySet, inodeIdentityOf } from './identity-set';

const row = (index: number) => ({
  path: `dir/file-${index}`,
  size: index,
  mtimeNs: String(1_700_000_000_000_000_000n + BigInt(index)),
  device: '65024',
  inode: String(index),
});

async function* parts(count: number, size = 500) {
  for (let at = 0; at < count; at += size) {
    await Promise.resolve();
    yield Array.from({ length: Math.min(size, count - at) }, (_none, index) => row(at + index));
  }
}

describe('IdentitySet', () => {
  it('knows exactly the rows that it was given, also in another thread', async () => {
    const set = await IdentitySet.of(parts(20_000));
    const other = IdentitySet.from(structuredClone(set.shared));
    expect([set.size, other.size]).toEqual([20_000, 20_000]);
    const all = Array.from({ length: 20_000 }, (_none, index) => row(index));
    expect(all.every((one) => other.has(identityOf(one)))).toBe(true);
    expect(all.some((one) => other.has(identityOf({ ...one, path: `${one.path}x` })))).toBe(false);
  });

  it('tells rows apart by each of their facts', async () => {
    const set = await IdentitySet.of(parts(1));
    const one = row(0);
    const others = { path: 'dir/file-1', size: 1, mtimeNs: '1', device: '1', inode: '1' };
    expect(set.has(identityOf(one))).toBe(true);
    for (const [fact, value] of Object.entries(others))
      expect(set.has(identityOf({ ...one, [fact]: value }))).toBe(false);
  });

  it('may look at path and inode alone', async () => {
    const set = await IdentitySet.of(parts(1), inodeIdentityOf);
    expect(set.has(inodeIdentityOf({ ...row(0), size: 99, mtimeNs: '99' }))).toBe(true);
    expect(set.has(inodeIdentityOf({ ...row(0), inode: '99' }))).toBe(false);
  });

  it('counts a row once', async () => {
    async function* twice() {
      yield* parts(3);
      yield* parts(3);
    }
    expect((await IdentitySet.of(twice())).size).toBe(3);
  });
});
