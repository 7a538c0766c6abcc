import { once } from 'node:events';
import { type IncomingMessage, request, type RequestOptions } from 'node:http';
import { cleanUpAfterEach } from '../support/cleanups';
import { Cluster, clusterMissing } from '../support/cluster';
import { describeWhere } from '../support/describe-where';
import { makeSparseFile } from '../support/files';
import { operationOf } from '../support/operations';
import { type RunningService } from '../support/service';
import { until } from '../support/until';

const GIB = 1024 ** 3;
const CUT_MS = 2000;
const ADDRESS = '/stage_data?method=direct_download&username=ana';
const BODY = { local_path_on_storage: 'endless' };

/** Begins to download, and takes no more than the kernel does: what is sent has no end unless it is ended. */
async function begin(address: string, options: RequestOptions = {}, body?: unknown): Promise<IncomingMessage> {
  const sent = request(address, { agent: false, ...options });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.on('error', () => undefined);
  expect(answer.statusCode).toBe(200);
  return answer;
}

/** How many transfers of an operation a process has broken off; its log has lines of the others as well. */
function brokenOff(service: RunningService, id: string): number {
  const marks = ['"Download broken off"', `"operation_id":"${id}"`, `"process":"api-${service.process.pid}"`];
  const lines = service.logText().split('\n');
  return lines.filter((line) => marks.every((mark) => line.includes(mark))).length;
}

cleanUpAfterEach();

describeWhere(clusterMissing(), 'downloads of a site of two API processes', () => {
  let cluster: Cluster;
  let here: RunningService;
  let there: RunningService;

  beforeAll(async () => {
    cluster = await Cluster.start({ apis: 2, workers: 1 });
    [here, there] = cluster.apis as [RunningService, RunningService];
    makeSparseFile(`${cluster.storage}/endless`, 200 * GIB);
  }, 60_000);

  const linked = async () => {
    const answer = await here.post(ADDRESS, BODY, { Accept: 'application/json' });
    return answer.body.operation as { id: string; download_url: string };
  };

  /** Cancels at the first process what the second one sends, and expects it to break off soon. */
  const cancelAndExpectEnd = async (id: string, readers: IncomingMessage[]) => {
    expect(brokenOff(there, id)).toBe(0);
    const begun = performance.now();
    expect((await here.post(`/operations/${id}/cancel`)).status).toBe(202);
    await until(() => brokenOff(there, id) === readers.length, 'The transfer goes on', 10);
    expect(performance.now() - begun).toBeLessThan(CUT_MS);
    for (const reader of readers) await expect(readAll(reader)).rejects.toThrow('aborted');
    await until(async () => (await operationOf(here, id)).status === 'cancelled', 'It is not cancelled');
  };

  it('break off where they are sent when their links are revoked at the other', async () => {
    const { id, download_url: link } = await linked();
    const ofHere = await begin(here.url + link);
    await cancelAndExpectEnd(id, await Promise.all([begin(there.url + link), begin(there.url + link)]));
    await expect(readAll(ofHere)).rejects.toThrow('aborted');
    expect((await there.get(link)).status).toBe(403);
  });

  it('break off also when the message is lost, and those of others go on', async () => {
    const [revoked, other] = [await linked(), await linked()];
    const reader = await begin(there.url + revoked.download_url);
    const goesOn = await begin(there.url + other.download_url);
    await cluster.redis.kill9();
    await cancelAndExpectEnd(revoked.id, [reader]);
    expect(brokenOff(there, other.id)).toBe(0);
    goesOn.destroy();
    await cluster.redis.restart();
  });

  it('break off as part of an operation that runs at the other', async () => {
    const headers = { 'content-type': 'application/json' };
    const reader = await begin(there.url + ADDRESS, { method: 'POST', headers }, BODY);
    await cancelAndExpectEnd(reader.headers['x-operation-id'] as string, [reader]);
  });
});

/** Reads to the end, and keeps nothing. */
async function readAll(answer: IncomingMessage): Promise<void> {
  for await (const piece of answer) void piece;
}
