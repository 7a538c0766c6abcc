import { identityOf, IdentitySet, inodeIdentityOf } from '../engine/identity-set';
import { type Release } from '../engine/release';
import { rawFromText } from '../names/raw-name';
import { type WorkerPool } from '../pool/worker-pool';
import { abortable } from './abortable';
import { DestinationLocks } from './destination-locks';
import { type PlaceHooks, type ReleaseRequest } from './placement';
import { type RootRegistry } from './root-registry';

/** Removes from user areas what operations staged there, by their manifests. */
export class FileReleaser {
  private readonly locks = new DestinationLocks();

  constructor(
    private readonly pool: WorkerPool,
    private readonly roots: RootRegistry,
  ) {}

  /**
   * Removes what still equals its manifest, else leaves all of it where it is and says why. Idempotent, also after a kill:
   * what is there no more is released. Rejects with the signal's reason; what was taken out of sight by then stays there
   * until the next call.
   */
  release(request: ReleaseRequest, { signal, note }: Pick<PlaceHooks, 'signal' | 'note'>): Promise<Release> {
    return this.locks.hold(request.operationId, signal, async () => {
      const isHard = request.link === 'hard';
      const identities = await IdentitySet.of(request.rows(), isHard ? inodeIdentityOf : identityOf);
      note('Manifest read; what was staged is compared with it', { files: identities.size });
      const task = {
        target: this.roots.target,
        operationId: request.operationId,
        username: rawFromText(request.username),
        path: request.path,
        isSingle: request.kind === 'file' || request.link === 'symbolic',
        isHard,
        identities: identities.shared,
      };
      return abortable(this.pool, signal, (ledger) => this.pool.run('release', task, { ledger, roots: [0] }));
    });
  }
}
