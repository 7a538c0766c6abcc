import { type Type } from '@nestjs/common';
import { type StagingMethod } from '@app/staging';
import { DirectDownloadMethod } from './direct-download/direct-download.method';
import { JupyterCopyMethod } from './jupyter-copy/jupyter-copy.method';
import { LocalCopyMethod } from './local-copy/local-copy.method';
import { SymlinkCopyMethod } from './symlink-copy/symlink-copy.method';

export { DIRECT_DOWNLOAD_OPTIONS, type DirectDownloadOptions } from './direct-download/direct-download.options';
export { JUPYTER_OPTIONS, type JupyterOptions } from './jupyter-copy/jupyter-copy.options';

/** Every staging method of the project, in the order in which they are offered: one line a method. */
export const METHOD_CLASSES: Type<StagingMethod>[] = [
  LocalCopyMethod,
  SymlinkCopyMethod,
  DirectDownloadMethod,
  JupyterCopyMethod,
];
