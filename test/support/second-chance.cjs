// For runs on machines whose cores are all busy (`.ci/run`): a test that fails is tried again TEST_RETRIES times (none, unless
// that is set). What it failed with is shown, and the end of the run names it, so that it is mended and not forgotten.
/* global jest -- what Jest loads has it */
const times = Number(process.env.TEST_RETRIES ?? 0);

if (times > 0) jest.retryTimes(times, { logErrorsBeforeRetry: true, retryImmediately: true });
