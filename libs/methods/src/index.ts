import { type Type } from '@nestjs/common';
import { type StagingMethod } from '@app/staging';
import { LocalCopyMethod } from './local-copy/local-copy.method';
import { SymlinkCopyMethod } from './symlink-copy/symlink-copy.method';

/** Every staging method of the project, in the order in which they are offered: one line a method. */
export const METHOD_CLASSES: Type<StagingMethod>[] = [LocalCopyMethod, SymlinkCopyMethod];
