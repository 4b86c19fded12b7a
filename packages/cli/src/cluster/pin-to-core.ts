import { spawnSync } from 'node:child_process';

/**
 * Keeps a process, and threads that it starts from now on, to one core, where the system has `taskset` (util-linux): two ranks
 * on one core would wait for each other.
 * @returns whether it was possible.
 */
export function pinToCore(pid: number, core: number): boolean {
  return spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' }).status === 0;
}
