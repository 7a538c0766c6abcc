import { Injectable } from '@nestjs/common';
import { FileStager } from '@app/files';
import {
  placeRequestOf,
  type StagingContext,
  type StagingMethod,
  type StagingOperation,
  type StagingOutcome,
} from '@app/staging';

/** Copies a file or a tree into the user's area, verified; a clone where the file system can. */
@Injectable()
export class LocalCopyMethod implements StagingMethod {
  readonly name = 'local_copy';
  readonly aliases = [];
  readonly description = 'Copies the data into the user area, verified and read-only.';
  readonly capabilities = { destination: 'user_area' } as const;

  constructor(private readonly files: FileStager) {}

  stage(operation: StagingOperation, context: StagingContext): Promise<StagingOutcome> {
    return this.files.copy(placeRequestOf(operation), context);
  }
}
