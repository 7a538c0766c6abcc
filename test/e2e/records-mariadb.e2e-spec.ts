import { createRecords } from '@app/records';
import { describeAudit } from '../../libs/records/src/testing/describe-audit';
import { describeBackground } from '../../libs/records/src/testing/describe-background';
import { describeListing } from '../../libs/records/src/testing/describe-listing';
import { describeManifest } from '../../libs/records/src/testing/describe-manifest';
import { describePlans } from '../../libs/records/src/testing/describe-plans';
import { describeRecords } from '../../libs/records/src/testing/describe-records';
import { testFile, testRecord } from '../../libs/records/src/testing/test-records';
import { cleanUpAfterEach, onCleanup } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { type Mariadb, mariadbMissing, runSql, startMariadb } from '../support/mariadb';

describeWhere(mariadbMissing(), 'records on MariaDB', () => {
  let server: Mariadb;
  beforeAll(async () => {
    server = await startMariadb();
  });
  cleanUpAfterEach();

  const open = async () => createRecords({ databaseUrl: await server.newDatabase(), timeoutMs: 10_000 });
  describeRecords(open);
  describeListing(open);
  describeManifest(open);
  describeBackground(open);
  describePlans(open);
  describeAudit(open);

  it('compare all text byte by byte, whatever the server prefers', async () => {
    const url = await server.newDatabase();
    const records = await createRecords({ databaseUrl: url, timeoutMs: 10_000 });
    onCleanup(() => records.close());

    const [rows] = await runSql(
      url,
      `SELECT DISTINCT collation_name AS collation FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name LIKE 'staging%' AND collation_name IS NOT NULL`,
    );
    expect(rows).toEqual([{ collation: 'utf8mb4_bin' }]);
  });

  it('rely on no setting of the server', async () => {
    const odd = [
      "sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
      "time_zone = '+09:00'",
      "character_set_server = 'latin1'",
    ];
    const usual = ['sql_mode = DEFAULT', 'time_zone = DEFAULT', 'character_set_server = DEFAULT'];
    onCleanup(() => runSql(server.url, ...usual.map((setting) => `SET GLOBAL ${setting}`)).then(() => undefined));
    await runSql(server.url, ...odd.map((setting) => `SET GLOBAL ${setting}`));
    const records = await open();
    onCleanup(() => records.close());
    const finishedAt = new Date('2026-10-25T00:30:00.001Z');
    const record = testRecord({ label: `\\' OR 1=1 -- \\\\ " 😀`, finishedAt });
    await records.operations.insert(record);
    await records.manifest.add([testFile(record.id, { path: "\\'" })]);

    expect(await records.operations.find(record.id)).toMatchObject({ label: record.label, finishedAt });
    expect(await records.operations.find("\\' OR 1=1 -- ")).toBeNull();
    expect((await records.operations.page({ q: "\\' OR" }, 5)).items).toHaveLength(1);
    await expect(records.operations.insert(testRecord({ username: 'x'.repeat(65) }))).rejects.toThrow(/too long/);
  });
});
