/** Where a verb says how far it is. */
export interface Progress extends Disposable {
  /** Replaces the line that is shown. */
  show(line: string): void;
}

/**
 * One line on stderr that is overwritten while work goes on, and wiped when disposed.
 * Shows nothing where stderr is not a terminal, so logs and pipes stay clean.
 * @example const progress = openProgress(); progress.show('cut 3 of 70');
 */
export function openProgress(): Progress {
  if (!process.stderr.isTTY) return { show: () => {}, [Symbol.dispose]: () => {} };
  const wipe = '\r\u001b[2K';
  return {
    show: (line) => {
      process.stderr.write(wipe + line.slice(0, (process.stderr.columns ?? 80) - 1));
    },
    [Symbol.dispose]: () => {
      process.stderr.write(wipe);
    },
  };
}
