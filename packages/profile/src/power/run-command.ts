import { execFile } from 'node:child_process';

const timeoutMs = 5_000;
const maxBytes = 1024 ** 2;

/** What a command prints; undefined where there is no such command, it fails or takes longer than five seconds. */
export function runCommand(name: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, maxBuffer: maxBytes, windowsHide: true };
    execFile(name, [...args], options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });
}
