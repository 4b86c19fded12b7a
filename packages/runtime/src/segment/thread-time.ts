import { readFileSync } from 'node:fs';

/**
 * How long the calling thread has had a processor, in µs, up to when it last gave it up: without the time in which others
 * had it, be they processes here or other virtual machines. Undefined where the system does not say (it is Linux's
 * `schedstat`, see `proc_pid_schedstat(5)`).
 */
export function threadTimeUs(): number | undefined {
  try {
    const nanoseconds = Number.parseInt(readFileSync('/proc/thread-self/schedstat', 'latin1'), 10);
    // Zero: the kernel has the file but does not count.
    return nanoseconds > 0 ? nanoseconds / 1000 : undefined;
  } catch {
    // No Linux, or built without it.
    return undefined;
  }
}
