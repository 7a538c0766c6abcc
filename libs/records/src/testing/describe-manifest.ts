import { type Records } from '../create-records';
import { newOperationId } from '../operations/operation-id';
import { RecordsSuite } from './records-suite';
import { testFile } from './test-records';

/** What the manifest keeps of files, on any database. */
export function describeManifest(open: () => Promise<Records>): void {
  const suite = new RecordsSuite(open);
  const { add } = suite;
  let records: Records;
  beforeAll(async () => (records = await suite.open()));

  describe('the manifest', () => {
    it('comes back as it was written', async () => {
      const { id } = await add();
      const file = testFile(id, {
        path: `a%FF/${'p'.repeat(12_000)}`,
        nameEncoding: 'percent',
        kind: 'link',
        size: 2 ** 50 + 1,
        mtimeNs: '-9223372036854775808',
        device: '18446744073709551615',
        inode: '18446744073709551615',
        algorithm: null,
        checksum: null,
        errorCode: 'source_changed',
        status: 'failed',
      });
      await records.manifest.add([file]);

      const { items } = await records.manifest.page(id, { limit: 10 });
      expect(items).toEqual([{ ...file, id: expect.any(Number) as number }]);
    });

    it('lists in the order of staging, in parts, by status', async () => {
      const { id } = await add();
      await records.manifest.add(
        Array.from({ length: 1203 }, (_, at) =>
          testFile(id, { path: `f${at}`, status: at % 400 ? 'staged' : 'failed' }),
        ),
      );
      await records.manifest.add([testFile(newOperationId(), { path: 'foreign' })]);

      const first = await records.manifest.page(id, { limit: 500 });
      const second = await records.manifest.page(id, { limit: 500, cursor: first.nextCursor! });
      const third = await records.manifest.page(id, { limit: 500, cursor: second.nextCursor! });
      const paths = [first, second, third].flatMap((page) => page.items.map((file) => file.path));
      expect(paths).toEqual(Array.from({ length: 1203 }, (_, at) => `f${at}`));
      expect(third.nextCursor).toBeNull();

      const failed = await records.manifest.page(id, { limit: 3, status: 'failed' });
      expect(failed.items.map((file) => file.path)).toEqual(['f0', 'f400', 'f800']);
      const rest = await records.manifest.page(id, { limit: 3, status: 'failed', cursor: failed.nextCursor! });
      expect(rest).toMatchObject({ items: [{ path: 'f1200' }], nextCursor: null });

      const parts: number[] = [];
      for await (const files of records.manifest.each(id)) parts.push(files.length);
      expect(parts).toEqual([1000, 203]);
    });

    it('is removed alone, however long', async () => {
      const [one, other] = [await add(), await add()];
      await records.manifest.add(Array.from({ length: 5001 }, () => testFile(one.id)));
      await records.manifest.add([testFile(other.id)]);

      await records.manifest.removeOf(one.id);
      await records.manifest.removeOf(one.id);

      expect((await records.manifest.page(one.id, { limit: 10 })).items).toEqual([]);
      expect((await records.manifest.page(other.id, { limit: 10 })).items).toHaveLength(1);
    });

    it('knows the latest checksum of a file that is still the same', async () => {
      const { id } = await add();
      const identity = { device: '1', inode: '18446744073709551615', size: 5, mtimeNs: '1764000000123456789' };
      await records.manifest.add([
        testFile(id, { ...identity, algorithm: 'md5', checksum: 'aa' }),
        testFile(id, { ...identity, algorithm: 'xxh3', checksum: 'bb' }),
        testFile(id, { ...identity, algorithm: null, checksum: null }),
      ]);

      expect(await records.manifest.knownChecksum(identity)).toEqual({ algorithm: 'xxh3', value: 'bb' });
      const others = [
        { device: '2' },
        { inode: '18446744073709551614' },
        { size: 6 },
        { mtimeNs: '1764000000123456788' },
      ];
      for (const other of others) {
        expect(await records.manifest.knownChecksum({ ...identity, ...other })).toBeNull();
      }
    });
  });
}
