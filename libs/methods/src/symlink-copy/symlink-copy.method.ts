import { Injectable } from '@nestjs/common';
import { FileStager } from '@app/files';
import {
  placeRequestOf,
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
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

  constructor(private readonly files: FileStager) {}

  stage(operation: StagingOperation, context: StagingContext): Promise<StagingOutcome> {
    return this.files.link(placeRequestOf(operation), context);
  }
}
