import type { Status } from '../api/types';
import { formatBytes, formatCount, formatDuration, plural } from '../lib/format';

const COUNTS: Record<Status, string> = {
  success: 'done',
  running: 'running',
  queued: 'waiting',
  failure: 'failed',
  cancelled: 'cancelled',
};

/** What is said of one operation, or one batch, wherever it is shown. */
export const operationTexts = {
  actions: { cancel: 'Cancel', retry: 'Try again', release: 'Remove the data' },
  release: {
    title: 'Remove the data?',
    about:
      'What this operation staged is removed from the user area, if nobody changed it since. The storage keeps its own.',
    keep: 'Keep it',
    remove: 'Remove it',
  },
  of: (method: string) => `${method} of `,
  for: (username: string) => ` for ${username}`,
  details: 'Details',
  progress: 'Progress',
  part: (done: string, total: string) => `${done} of ${total}`,
  files: (done: number, all: number) => `${done} of ${plural(all, 'file')}`,
  left: (seconds: number) => `${formatDuration(seconds)} left`,
  announced: (percent: number) => `${percent} percent done`,
  noReason: 'It failed, and nothing says why.',
  failure: (code: string | null, id: string) => `${code ?? ''} · operation ${id}`,
  stagedPath: 'the staged path',
  path: 'the path',
  released: 'What was staged was removed again.',
  present: 'It was there already; nothing was touched.',
  presentSame: 'It was there already, the same as the source.',
  presentOther: 'Something else was there already, and was left as it is.',
  readyToDownload: 'Ready to be downloaded.',
  took: (seconds: number) => `in ${formatDuration(seconds)}`,
  verified: (algorithm: string) => `, verified by ${algorithm}`,
  download: (bytes: number | null) => (bytes === null ? 'Download' : `Download (${formatBytes(bytes)})`),
  openInJupyter: 'Open in Jupyter',
  batch: {
    name: 'Batch',
    title: (count: number) => `${formatCount(count)} at once`,
    each: 'See each',
    for: (method: string, username: string) => `${method} for ${username}, `,
    cancel: 'Cancel the rest',
    retry: 'Try what failed again',
    counts: COUNTS,
    count: (status: Status, count: number) => `${formatCount(count)} ${COUNTS[status]}`,
    empty: 'nothing in it',
  },
};
