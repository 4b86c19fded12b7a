/**
 * Writes a verb's result to stdout and waits until it is out: one JSON object with `--json`, else `text()`.
 * A verb calls it exactly once.
 */
export function printResult(json: boolean, value: object, text: () => string): Promise<void> {
  return writeOut(json ? `${JSON.stringify(value)}\n` : text());
}

/** Writes to stdout and resolves when the text has been handed to the system. */
export function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      // `main` says why a closed pipe is no failure.
      if (error && !('code' in error && error.code === 'EPIPE')) reject(error);
      else resolve();
    });
  });
}
