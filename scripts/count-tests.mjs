// Prints the closing line `N passed, N failed, N skipped` from the test runner's JSON report.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numFailedTestSuites } = report;
for (const { name, status, message } of report.testResults) {
  if (status === 'failed' && message !== '') process.stdout.write(`${name}: ${message}\n`);
}
// A file that cannot be loaded has no failed test of its own, but it has failed.
const failed = Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0);
process.stdout.write(`${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped\n`);
process.exitCode = failed > 0 || numPassedTests === 0 ? 1 : 0;
