import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { CutpointError } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { limitSteps, memoryControllerOf, runLimited } from './memory-limit.js';

const mb = 1024 * 1024;

describe('the memory controller', () => {
  it('is the one of version 1 where it is mounted', () => {
    const mounts =
      'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n';
    expect(memoryControllerOf(mounts, () => '')).toEqual({ version: 1, root: '/sys/fs/cgroup/memory' });
  });

  it('is the one of version 2 where that has memory', () => {
    const mounts = 'proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n';
    expect(memoryControllerOf(mounts, () => 'cpu io memory pids\n')).toEqual({ version: 2, root: '/sys/fs/cgroup' });
    expect(memoryControllerOf(mounts, () => 'cpu io pids\n')).toBeUndefined();
    expect(memoryControllerOf('', () => '')).toBeUndefined();
  });
});

describe('the steps of a limit', () => {
  it('set the limit before the process joins, in both versions', () => {
    const first = limitSteps({ version: 1, root: '/c/memory' }, 7, 100.5);
    expect(first.folder).toBe('/c/memory/cutpoint-7');
    expect(first.writes.map(({ file, text }) => [file.slice(first.folder.length + 1), text])).toEqual([
      ['memory.limit_in_bytes', '100'],
      ['memory.memsw.limit_in_bytes', '100'],
      ['cgroup.procs', '7'],
    ]);
    const second = limitSteps({ version: 2, root: '/c' }, 7, 100);
    expect(second.writes.map(({ file, text }) => [file, text])).toEqual([
      ['/c/cgroup.subtree_control', '+memory'],
      ['/c/cutpoint-7/memory.max', '100'],
      ['/c/cutpoint-7/memory.swap.max', '0'],
      ['/c/cutpoint-7/cgroup.procs', '7'],
    ]);
  });
});

/** A process that takes 300 MB when it is told to, and then says so. */
function greedy(): ChildProcess {
  const code = `process.on('message', () => { globalThis.kept = Buffer.alloc(300 * ${mb}, 1); process.send('took it'); })`;
  return spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

describe('a limited process', () => {
  it('dies when it takes more, and leaves no group behind', async ({ skip }) => {
    const child = greedy();
    const exited = once(child, 'exit');
    let folder: string | undefined;
    try {
      await using _ = {
        limit: await runLimited(child.pid ?? -1, 100 * mb),
        async [Symbol.asyncDispose]() {
          child.kill('SIGKILL');
          await exited;
          await this.limit[Symbol.asyncDispose]();
        },
      };
      const group = readFileSync(`/proc/${child.pid}/cgroup`, 'utf8').match(/\/(cutpoint-\d+)$/m)?.[1];
      expect(group).toBe(`cutpoint-${child.pid}`);
      folder = [`/sys/fs/cgroup/memory/${group}`, `/sys/fs/cgroup/${group}`].find((path) => existsSync(path));
      child.send('take it');
      const took = once(child, 'message').then(() => 'took it');
      expect(await Promise.race([took, exited.then(([, signal]) => signal)])).toBe('SIGKILL');
    } catch (thrown) {
      if (!(thrown instanceof CutpointError)) throw thrown;
      child.kill('SIGKILL');
      expect(thrown.code).toBe('CUT_EMULATION');
      skip(`not possible here: ${(thrown as CutpointError).message}`);
    }
    expect(folder === undefined || existsSync(folder)).toBe(false);
  });

  it('that is gone already is refused in one sentence', async () => {
    const child = greedy();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const limiting = runLimited(child.pid ?? -1, 100 * mb);
    await expect(limiting).rejects.toThrow(expect.objectContaining({ code: 'CUT_EMULATION' }));
    expect(existsSync(`/sys/fs/cgroup/memory/cutpoint-${child.pid}`)).toBe(false);
  });
});
