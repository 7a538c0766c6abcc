import { createRecords } from '@app/records';
import { describePlans } from '../../libs/records/src/testing/describe-plans';
import { describeRecords } from '../../libs/records/src/testing/describe-records';
import { cleanUpAfterEach } from '../support/cleanups';
import { describeWhere } from '../support/describe-where';
import { type Mariadb, mariadbMissing, startMariadb } from '../support/mariadb';

describeWhere(mariadbMissing(), 'records on MariaDB', () => {
  let server: Mariadb;
  beforeAll(async () => {
    server = await startMariadb();
  });
  cleanUpAfterEach();

  const open = async () => createRecords({ databaseUrl: await server.newDatabase(), timeoutMs: 10_000 });
  describeRecords(open);
  describePlans(open);
});
