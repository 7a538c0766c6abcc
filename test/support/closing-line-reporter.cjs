// A last line that any reader of a run's output understands: `N passed, N failed` (and skipped, where there are any). Before
// it, a line for each test that passed only when it was tried again.
const path = require('node:path');
const { writeSync } = require('node:fs');

module.exports = class ClosingLineReporter {
  onRunComplete(_tests, results) {
    // A spec file that does not even load counts as one failure.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    // Jest prints its own summary after all other reporters.
    process.once('exit', () => writeSync(1, [...triedAgain(results), line].map((one) => `${one}\n`).join('')));
  }
};

function triedAgain({ testResults: files }) {
  return files.flatMap(({ testFilePath, testResults: tests }) =>
    tests
      .filter(({ status, invocations }) => status === 'passed' && invocations > 1)
      .map(({ fullName }) => `Passed only when tried again: ${path.basename(testFilePath)}, ${fullName}`),
  );
}
