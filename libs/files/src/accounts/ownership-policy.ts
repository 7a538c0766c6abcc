import { AppError } from '@app/core';
import { type Reader } from '../confined/source-access';
import { type Ownership } from '../engine/ownership';
import { type Account, type AccountDirectory } from './account-directory';

/** What the operator decided about owners and modes. */
export interface OwnershipOptions {
  minUid: number;
  unmapped: { kind: 'service' } | { kind: 'refuse' } | { kind: 'fixed'; uid: number; gid: number };
  fileMode: number;
  dirMode: number;
}

/** Modes where the user reaches the data through the group of their area only. */
const GROUP_FILE_MODE = 0o440;
const GROUP_DIR_MODE = 0o550;
const GROUP_MADE_DIR_MODE = 0o770;
const MADE_DIR_MODE = 0o700;

/** Decides who owns what is staged for a user (contract, end of section 2). */
export class OwnershipPolicy {
  constructor(
    private readonly accounts: AccountDirectory,
    private readonly options: OwnershipOptions,
  ) {}

  /** The account of a user, null for one who has none. Throws `forbidden` for accounts below `MIN_UID`, so for root. */
  async admit(username: string): Promise<Account | null> {
    const account = await this.accounts.find(username);
    if (account && account.uid < this.options.minUid) throw systemAccount(username);
    return account;
  }

  /**
   * As whom a user would read a storage themselves; null for one without an account, unless the operator gave such users
   * one (`UNMAPPED_USERS=fixed`). Throws `forbidden` as {@link admit} does.
   */
  async readerOf(username: string): Promise<Reader | null> {
    const { unmapped } = this.options;
    const account = (await this.admit(username)) ?? (unmapped.kind === 'fixed' ? unmapped : null);
    return account && { uid: account.uid, gids: await this.accounts.groupsOf(account) };
  }

  /**
   * The ownership for a user. `canChown` tells whether the service may give files away. Throws `forbidden` for accounts
   * below `MIN_UID`, and where `UNMAPPED_USERS=refuse`.
   */
  async decide(username: string, canChown: boolean): Promise<Ownership> {
    const account = await this.admit(username);
    const { fileMode, dirMode, unmapped } = this.options;
    const userUid = account?.uid ?? null;
    const ownModes = { userUid, fileMode, dirMode, madeDirMode: MADE_DIR_MODE };
    if (account && (canChown || account.uid === process.geteuid!()))
      return { ...ownModes, uid: account.uid, gid: account.gid };
    if (unmapped.kind === 'refuse') throw noAccount(username);
    if (unmapped.kind === 'fixed')
      return { ...ownModes, userUid: userUid ?? unmapped.uid, uid: unmapped.uid, gid: unmapped.gid };
    return {
      userUid,
      uid: null,
      gid: 'area',
      fileMode: GROUP_FILE_MODE,
      dirMode: GROUP_DIR_MODE,
      madeDirMode: GROUP_MADE_DIR_MODE,
    };
  }
}

function systemAccount(username: string): AppError {
  return new AppError('forbidden', `${username} is a system account of this host; nothing is staged for it.`);
}

function noAccount(username: string): AppError {
  return new AppError('forbidden', `${username} has no account at this site. Ask its operators for one.`);
}
