import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cleanUpAfterEach } from '../support/cleanups';
import { Cluster, clusterMissing } from '../support/cluster';
import { describeWhere } from '../support/describe-where';

cleanUpAfterEach();

describeWhere(clusterMissing(), 'a site of two API processes and three workers', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start({ files: { 'file.fits': 'content', 'tree/a': '1', 'tree/b/c': '22' } });
  }, 60_000);

  it('stages while the caller waits, with the same answer as one process', async () => {
    const answer = await cluster.api.stage({ local_path_on_storage: 'file.fits', relative_path: 'in/file.fits' });
    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'success', operation: { outcome: 'staged', attempts: 1 } },
    });
    expect(readFileSync(path.join(cluster.areas, 'ana/in/file.fits'), 'utf8')).toBe('content');
    const again = await cluster.apis[1]!.stage({ local_path_on_storage: 'file.fits', relative_path: 'in/file.fits' });
    expect(again).toMatchObject({
      status: 200,
      body: { operation: { outcome: 'already_present', matches_source: true } },
    });
  });
});
