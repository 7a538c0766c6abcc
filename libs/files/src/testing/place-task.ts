import { sourceChanged } from '../engine/copy-content';
import { type PlaceResult, type PlaceTask, type TreeSession } from '../engine/task-types';
import { fillShard } from '../engine/fill';
import { place } from '../engine/place';
import { DestinationTaken, OtherFileSystem } from '../engine/publish';
import { pruneTree } from '../engine/resume';
import { checkTree, closeSession, fingerprintShard, publishTree, sealTree, surveyShard } from '../engine/tree';
import { Ledger, Pulse, WorkerControl } from '../pool/control';
import { rawFromText } from '../names/raw-name';
import { type TestSite } from './test-site';

/** What a worker is given to place `source` at `destination` of jane's area; details may be overridden. */
export function placeTask(
  site: TestSite,
  source: string,
  destination: string,
  overrides: Partial<PlaceTask> = {},
): PlaceTask {
  const { operationId, source: from, destination: to } = site.request(source, destination);
  return {
    operationId,
    privateName: overrides.operationId ?? operationId,
    earlierNames: [],
    storages: site.views.ofService,
    target: site.roots.target,
    source: { raw: from.path, storage: undefined, asSent: from.asSent },
    destination: { username: rawFromText('jane'), segments: to.segments, intoDirectory: to.intoDirectory },
    content: 'copy',
    linkPrefixes: {},
    algorithm: 'xxh3',
    expected: null,
    ownership: { userUid: null, uid: null, gid: 'area', fileMode: 0o440, dirMode: 0o550, madeDirMode: 0o770 },
    ifExists: 'skip',
    createAreas: true,
    limits: { maxFiles: 0, maxBytes: 0 },
    cloneFrom: [],
    publishByRename: false,
    besideDestination: false,
    resume: null,
    receipt: false,
    earlierRows: null,
    ...overrides,
  };
}

/** What engine code sees of its worker, when there is none. */
export function loneControl(
  report: (data: unknown) => void = () => undefined,
  { ledger, pulse } = { ledger: new Ledger(), pulse: new Pulse() },
): WorkerControl {
  // What takes long asks before it publishes, and waits for the answer: here nobody else could give it.
  ledger.openGate();
  return new WorkerControl(ledger, pulse, report);
}

/** Does in this very thread what workers do for one operation, so that a test can stand between two of their calls. */
export function stageHere(task: PlaceTask, control = loneControl()): Exclude<PlaceResult, TreeSession> | 'tree' {
  for (let tries = 1; ; tries += 1) {
    try {
      const result = place(task, control);
      if (result.type !== 'tree') return result;
      fillAndPublish(task, result, control);
      return 'tree';
    } catch (error) {
      if (!(error instanceof DestinationTaken || error instanceof OtherFileSystem) || tries === 5) throw error;
      if (error instanceof OtherFileSystem) task.besideDestination = true;
    }
  }
}

function fillAndPublish(task: PlaceTask, session: TreeSession, control: WorkerControl): void {
  const shard = { index: 0, of: 1, byDirectory: false };
  try {
    const kept = session.resumed ? pruneTree(session, task.resume!, control) : { entries: 0, allocated: 0 };
    const survey = surveyShard(task, session, shard, control);
    checkTree(task, session, { survey, kept }, control);
    const filled = fillShard(task, session, { shard, survey }, control);
    sealTree(task, session, control);
    if (fingerprintShard(task, session, shard, control) !== filled.fingerprint) throw sourceChanged();
    const { files, bytes } = filled;
    publishTree(task, session, { files, bytes, link: null }, control);
  } finally {
    try {
      closeSession(session, false, control);
    } catch {
      // As in the service: what is left is removed by the next attempt or the next start.
    }
  }
}
