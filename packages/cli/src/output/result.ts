/**
 * Writes a verb's result to stdout and waits until it is out: one JSON object with `--json`, else `text()`.
 * A verb calls it exactly once.
 */
export function printResult(json: boolean, value: object, text: () => string): Promise<void> {
  return writeOut(json ? `${JSON.stringify(value)}\n` : text());
}

/** Writes to stdout and resolves when the text has been handed to the system, or cannot be: `main` deals with that. */
export function writeOut(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, () => resolve());
  });
}
