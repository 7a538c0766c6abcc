import { type PlannedPlacement } from '../engine/plan';
import { refuseEscape } from '../names/path-text';
import { type WorkerPool } from '../pool/worker-pool';
import { abortable } from './abortable';
import { type FilesOptions } from './files-options';
import { type PlaceTasks } from './place-tasks';
import { type PlaceRequest } from './placement';
import { type RootRegistry } from './root-registry';

/** Tells what placements would do. Nothing is made or changed by that. */
export class FilePlanner {
  constructor(
    private readonly pool: WorkerPool,
    private readonly roots: RootRegistry,
    private readonly tasks: PlaceTasks,
    private readonly options: FilesOptions,
  ) {}

  /** What `FileStager.copy` or `link` would do now. Rejects with the error with which it would refuse. */
  async plan(content: 'copy' | 'link', request: PlaceRequest, signal: AbortSignal): Promise<PlannedPlacement> {
    refuseEscape(request.destination);
    const task = await this.tasks.of(content, request);
    const { linkFallback } = this.options;
    const { path, storage } = request.source;
    const how = { linkFrom: this.roots.linkFrom, linkFallback };
    const roots = [0, ...this.roots.touchedBy(path, storage)];
    return abortable(this.pool, signal, (ledger) =>
      this.pool.run('planPlacement', { ...task, ...how }, { ledger, roots }),
    );
  }
}
