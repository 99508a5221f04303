/** Prints the one line that says how it went, in the same words whatever the runner: `N passed, N failed, N skipped`. */
module.exports = class ClosingLine {
  onRunComplete(
    _contexts,
    { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests, numTodoTests },
  ) {
    // A file that cannot even be loaded has no tests to count: it counts as one that failed.
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    const skipped = numPendingTests + numTodoTests;
    const line = `${numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    // Last, behind the summary of the other reporters.
    process.once('exit', () => console.log(line));
  }
};
