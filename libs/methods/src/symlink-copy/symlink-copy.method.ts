import { Injectable } from '@nestjs/common';
import { FilePlanner, FileReleaser, FileStager, type Release } from '@app/files';
import {
  placeRequestOf,
  type ReleaseContext,
  releaseRequestOf,
  type StagedOperation,
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
  type StagingPlan,
} from '@app/staging';

/**
 * Makes a hard link to a file in the user's area, or a tree of hard links; what happens where none can be made is the
 * site's choice (`LINK_FALLBACK`).
 */
@Injectable()
export class SymlinkCopyMethod implements StagingMethod {
  readonly name = 'symlink_copy';
  readonly aliases = ['local_symlink'];
  readonly description = 'Links the data into the user area: at once, and without using space twice.';
  readonly capabilities = { destination: 'user_area' } as const;

  constructor(
    private readonly files: FileStager,
    private readonly planner: FilePlanner,
    private readonly releaser: FileReleaser,
  ) {}

  stage(operation: StagingOperation, context: StagingContext): Promise<StagingOutcome> {
    return this.files.link(placeRequestOf(operation), context);
  }

  plan(operation: StagingOperation, signal: AbortSignal): Promise<StagingPlan> {
    return this.planner.plan('link', placeRequestOf(operation), signal);
  }

  release(staged: StagedOperation, context: ReleaseContext): Promise<Release> {
    return this.releaser.release(releaseRequestOf(staged, context), context);
  }
}
