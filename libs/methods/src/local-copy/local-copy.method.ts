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

/** Copies a file or a tree into the user's area, verified; a clone where the file system can. */
@Injectable()
export class LocalCopyMethod implements StagingMethod {
  readonly name = 'local_copy';
  readonly aliases = [];
  readonly description = 'Copies the data into the user area, verified and read-only.';
  readonly capabilities = { destination: 'user_area' } as const;

  constructor(
    private readonly files: FileStager,
    private readonly planner: FilePlanner,
    private readonly releaser: FileReleaser,
  ) {}

  stage(operation: StagingOperation, context: StagingContext): Promise<StagingOutcome> {
    return this.files.copy(placeRequestOf(operation), context);
  }

  plan(operation: StagingOperation, signal: AbortSignal): Promise<StagingPlan> {
    return this.planner.plan('copy', placeRequestOf(operation), signal);
  }

  release(staged: StagedOperation, context: ReleaseContext): Promise<Release> {
    return this.releaser.release(releaseRequestOf(staged, context), context);
  }
}
