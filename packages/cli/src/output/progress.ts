/** Where a verb says how far it is. */
export interface Progress extends Disposable {
  /** Replaces the line that is shown. */
  show(line: string): void;
  /** A line that stays. */
  say(line: string): void;
}

/** How often a log that is no terminal hears of long work, in ms; short work leaves it alone. */
const logEveryMs = 15_000;

/**
 * One line on stderr that is overwritten while work goes on, and wiped when disposed. Where stderr is no terminal, a line
 * every now and then, if it says something new, so that a log of long work shows how it goes on.
 * @example const progress = openProgress(); progress.show('cut 3 of 70');
 */
export function openProgress(): Progress {
  if (!process.stderr.isTTY) return logged();
  const wipe = '\r\u001b[2K';
  return {
    show: (line) => {
      process.stderr.write(wipe + line.slice(0, (process.stderr.columns ?? 80) - 1));
    },
    say: (line) => {
      process.stderr.write(`${wipe}${line}\n`);
    },
    [Symbol.dispose]: () => {
      process.stderr.write(wipe);
    },
  };
}

function logged(): Progress {
  let next = performance.now() + logEveryMs;
  let last = '';
  return {
    show: (line) => {
      if (performance.now() < next || line === last) return;
      last = line;
      next = performance.now() + logEveryMs;
      process.stderr.write(`${line}\n`);
    },
    say: (line) => {
      process.stderr.write(`${line}\n`);
    },
    [Symbol.dispose]: () => {},
  };
}
