import { describeAudit } from './testing/describe-audit';
import { describeBackground } from './testing/describe-background';
import { describeListing } from './testing/describe-listing';
import { describeManifest } from './testing/describe-manifest';
import { describePlans } from './testing/describe-plans';
import { describeRecords } from './testing/describe-records';
import { SqliteSite } from './testing/test-records';

describe('records on SQLite', () => {
  const site = new SqliteSite();
  afterAll(() => site.close());

  describeRecords(() => site.open());
  describeListing(() => site.open());
  describeManifest(() => site.open());
  describeBackground(() => site.open());
  describePlans(() => site.open());
  describeAudit(() => site.open());
});
