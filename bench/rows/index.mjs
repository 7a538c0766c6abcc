// The rows, in the order in which they run.
import * as batch from './batch.mjs';
import * as clone from './clone.mjs';
import * as config from './config.mjs';
import * as download from './download.mjs';
import * as large from './large.mjs';
import * as link from './link.mjs';
import * as logs from './logs.mjs';
import * as memory from './memory.mjs';
import * as operations from './operations.mjs';
import * as requests from './requests.mjs';
import * as sizes from './sizes.mjs';
import * as tree from './tree.mjs';
import * as workers from './workers.mjs';

/** Each has a `title` and `run(bench)`, which resolves with its results (harness/measure.mjs). */
export const ROWS = {
  large,
  tree,
  link,
  clone,
  requests,
  download,
  config,
  memory,
  batch,
  operations,
  logs,
  workers,
  sizes,
};
