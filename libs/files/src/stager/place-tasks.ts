import { type OwnershipPolicy } from '../accounts/ownership-policy';
import { normalizeChecksum } from '../engine/hashing';
import { type ContentKind, type PlaceTask } from '../engine/task-types';
import { rawFromText } from '../names/raw-name';
import { type FilesOptions } from './files-options';
import { type PlaceRequest } from './placement';
import { type RootRegistry } from './root-registry';
import { type StorageViews } from './storage-views';

/** Makes requests into tasks: all that a worker needs to know of the site, the user and what is asked for. */
export class PlaceTasks {
  constructor(
    private readonly roots: RootRegistry,
    private readonly policy: OwnershipPolicy,
    private readonly views: StorageViews,
    private readonly options: FilesOptions,
  ) {}

  /** Throws `forbidden` for an account that is not served, `storage_unavailable` where the areas are away. */
  async of(content: ContentKind, request: PlaceRequest): Promise<PlaceTask> {
    const { options, roots } = this;
    const { path: raw, storage, asSent } = request.source;
    const { segments, intoDirectory } = request.destination;
    const prefixes = Object.entries(options.linkPrefixes);
    const probe = await roots.targetProbe();
    return {
      operationId: request.operationId,
      privateName: request.operationId,
      earlierNames: [],
      storages: await this.views.of(request.username),
      target: roots.target,
      source: { raw, storage, asSent },
      destination: { username: rawFromText(request.username), segments, intoDirectory },
      content,
      linkPrefixes: Object.fromEntries(prefixes.map(([name, prefix]) => [name, rawFromText(prefix)])),
      algorithm: options.algorithm,
      expected: request.expected && normalizeChecksum(request.expected),
      ownership: await this.policy.decide(request.username, probe.chown),
      ifExists: request.ifExists,
      createAreas: options.createAreas,
      limits: options.limits,
      cloneFrom: content === 'copy' ? roots.cloneFrom : [],
      publishByRename: !probe.hardLinks,
      besideDestination: false,
      resume: null,
      receipt: false,
      earlierRows: null,
    };
  }
}
