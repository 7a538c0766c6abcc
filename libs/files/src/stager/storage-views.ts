import { type OwnershipPolicy } from '../accounts/ownership-policy';
import { type Reader, type StorageView } from '../confined/source-access';
import { type FilesOptions } from './files-options';
import { type RootRegistry } from './root-registry';

/** Tells what of the storages is open to whom (`SOURCE_ACCESS`). */
export class StorageViews {
  constructor(
    private readonly roots: RootRegistry,
    private readonly policy: OwnershipPolicy,
    private readonly options: Pick<FilesOptions, 'sourceAccess'>,
  ) {}

  /**
   * The storages as a user may see them; null for nobody in particular, to whom is open what is open to everybody.
   * Throws `forbidden` for accounts below `MIN_UID`.
   */
  async of(username: string | null): Promise<StorageView> {
    const reader = this.options.sourceAccess === 'user' ? await this.readerOf(username) : null;
    return { roots: this.roots.storages, reader };
  }

  /** The storages as the service itself may see them. */
  get ofService(): StorageView {
    return { roots: this.roots.storages, reader: null };
  }

  private async readerOf(username: string | null): Promise<Reader> {
    return (username === null ? null : await this.policy.readerOf(username)) ?? { uid: null, gids: [] };
  }
}
