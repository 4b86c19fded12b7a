import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const commandPath = fileURLToPath(new URL('../packages/cli/bin/cutpoint.js', import.meta.url));
const waitMs = 60_000;

/** A program and its first arguments. */
export type Program = readonly [string, ...string[]];

/** A `cutpoint` process that a test started. Killed when disposed, whatever the test did. */
export class Process implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<number | string>;
  #ended = false;
  #stdout = '';
  #stderr = '';

  /** @param program what runs `cutpoint`, and with what before its arguments. */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    [program, ...before]: Program = [process.execPath, commandPath],
  ) {
    this.#child = spawn(program, [...before, ...args], { env: { ...process.env, ...env } });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#exited = once(this.#child, 'close').then(([status, signal]) => {
      this.#ended = true;
      return status ?? signal;
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('The process could not be started.');
    return this.#child.pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The status, or the signal that ended it. */
  exit(longestMs = waitMs): Promise<number | string> {
    return within(this.#exited, () => `the process did not end; it said:\n${this.#stderr}`, longestMs);
  }

  /** The lines of the log so far, parsed. */
  log(): readonly Record<string, unknown>[] {
    const lines = this.#stderr.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Waits for the one JSON line of a daemon that is ready and returns its address. */
  async url(longestMs = waitMs): Promise<string> {
    const said = `a daemon was ready; it said:\n${this.#stderr}`;
    await until(() => this.#stdout.includes('\n') || this.#ended, said, longestMs);
    const { url } = JSON.parse(this.#stdout) as { url?: string };
    if (url === undefined) throw new Error(`The daemon did not start: ${this.#stdout}`);
    return url;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Writes to its standard input. */
  type(text: string): void {
    this.#child.stdin.write(text);
  }

  endStdin(): void {
    this.#child.stdin.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

/** Starts `cutpoint` with these arguments. */
export function cutpoint(args: readonly string[], env?: Readonly<Record<string, string>>): Process {
  return new Process(args, env);
}

/** The ids of a process's children; Linux only. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

/** Asks again and again until the answer is yes, for at most a minute unless told otherwise. */
export async function until(
  question: () => boolean | Promise<boolean>,
  what: string,
  longestMs = waitMs,
): Promise<void> {
  const end = Date.now() + longestMs;
  while (!(await question())) {
    if (Date.now() > end) throw new Error(`Waited in vain until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function within<T>(promise: Promise<T>, complaint: () => string, longestMs = waitMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint())), longestMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
