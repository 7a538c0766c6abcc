import { formatCount } from '../lib/format';

/** What the log says. */
export const logTexts = {
  forOperators: 'The log is for operators',
  forOperatorsAdvice: (operations: string) =>
    `What the service did for an operation of yours stands with it, under ${operations}.`,
  log: 'Log',
  operation: 'operation',
  trace: 'trace',
  traceLines: (trace: string) => `Only the lines of trace ${trace}`,
  download: 'Download',
  notSaved: 'The log was not saved',
  level: 'Lowest level',
  text: 'Text in the line',
  pause: 'Pause',
  goOn: (missed: number) => `Go on${missed > 0 ? ` (${formatCount(missed)} new)` : ''}`,
  follow: 'Follow',
  refused: 'The log is not shown',
  triedAgain: 'It is tried again by itself, less often each time.',
  nothing: 'No line fits so far',
  nothingAdvice: 'Lines appear here as they happen.',
  looking: 'Looking at the log',
  lines: (count: number, dropped: number) =>
    `${formatCount(count)} ${count === 1 ? 'line' : 'lines'}` +
    (dropped > 0 ? `; ${formatCount(dropped)} came faster than this page could take them, and are in the file` : ''),
  state: { connecting: 'Connecting', live: 'Live', paused: 'Paused' },
};
