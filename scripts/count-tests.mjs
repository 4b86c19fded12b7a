// Prints the closing line `N passed, N failed, N skipped` from the test runner's JSON reports.
import { readFileSync } from 'node:fs';

const total = { passed: 0, failed: 0, skipped: 0 };
let complete = true;
for (const path of process.argv.slice(2)) {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numFailedTestSuites } = report;
  for (const { name, status, message } of report.testResults) {
    if (status === 'failed' && message !== '') process.stdout.write(`${name}: ${message}\n`);
  }
  total.passed += numPassedTests;
  // A file that cannot be loaded has no failed test of its own, but it has failed.
  total.failed += Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0);
  total.skipped += numPendingTests + numTodoTests;
  // Where none could run, they were skipped and said so; a report without any test is a mistake.
  if (numPassedTests + numPendingTests === 0) complete = false;
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed > 0 || !complete ? 1 : 0;
