import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError, messageOf } from '@cutpoint/core';

/** Where the kernel limits memory: a mounted control group hierarchy. */
export interface MemoryController {
  readonly version: 1 | 2;
  readonly root: string;
}

/** What to write to limit a process, in this order, and the folder to remove when it has ended. */
export interface LimitSteps {
  readonly folder: string;
  readonly writes: readonly { readonly file: string; readonly text: string; readonly optional?: true }[];
}

/**
 * Finds the memory controller in the text of /proc/mounts: of version 1 where one is mounted, else of version 2.
 * `controllersAt` gives the text of `cgroup.controllers` in a version 2 folder, empty if there is none.
 */
export function memoryControllerOf(
  mounts: string,
  controllersAt: (root: string) => string,
): MemoryController | undefined {
  const lines = mounts.split('\n').map((line) => line.split(' '));
  const first = lines.find(([, , type, options]) => type === 'cgroup' && options?.split(',').includes('memory'));
  if (first?.[1] !== undefined) return { version: 1, root: first[1] };
  const roots = lines.flatMap(([, root, type]) => (type === 'cgroup2' && root !== undefined ? [root] : []));
  const root = roots.find((candidate) => controllersAt(candidate).split(/\s+/).includes('memory'));
  return root === undefined ? undefined : { version: 2, root };
}

/** The files of a group of its own for one process. Swap is limited too where the kernel counts it. */
export function limitSteps({ version, root }: MemoryController, pid: number, bytes: number): LimitSteps {
  const folder = `${root}/cutpoint-${pid}`;
  const limit = String(Math.floor(bytes));
  const join = { file: `${folder}/cgroup.procs`, text: String(pid) };
  if (version === 1) {
    return {
      folder,
      writes: [
        { file: `${folder}/memory.limit_in_bytes`, text: limit },
        { file: `${folder}/memory.memsw.limit_in_bytes`, text: limit, optional: true },
        join,
      ],
    };
  }
  return {
    folder,
    writes: [
      { file: `${root}/cgroup.subtree_control`, text: '+memory', optional: true },
      { file: `${folder}/memory.max`, text: limit },
      { file: `${folder}/memory.swap.max`, text: '0', optional: true },
      join,
    ],
  };
}

/** A limit that holds. Dispose of it once the process has ended. */
export interface MemoryLimit extends AsyncDisposable {
  readonly version: 1 | 2;
  /** The most that was in the group at a time, pages of files that it was the first to read included; v2: from Linux 5.19 on. */
  peakBytes(): Promise<number>;
}

/**
 * Limits the memory of a process, and of the children it starts from now on, by a control group.
 * @throws CutpointError CUT_EMULATION if this machine or this user's rights do not allow it.
 */
export async function runLimited(pid: number, bytes: number): Promise<MemoryLimit> {
  const controller = await findController();
  if (controller === undefined) throw refused('no control group with a memory controller is mounted');
  const { folder, writes } = limitSteps(controller, pid, bytes);
  await removeLeftovers(controller.root);
  try {
    await mkdir(folder);
    for (const { file, text, optional } of writes) {
      await writeFile(file, text).catch((thrown: unknown) => {
        if (optional !== true) throw thrown;
      });
    }
  } catch (thrown) {
    // The group may not be there, or be in use by nobody; what counts is why it could not be made.
    await rmdir(folder).catch(() => undefined);
    throw refused(messageOf(thrown), thrown);
  }
  const peakFile = join(folder, controller.version === 1 ? 'memory.max_usage_in_bytes' : 'memory.peak');
  return {
    version: controller.version,
    peakBytes: async () => Number(await readFile(peakFile, 'utf8')),
    [Symbol.asyncDispose]: () => remove(folder),
  };
}

async function findController(): Promise<MemoryController | undefined> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const mounts = await read('/proc/mounts');
  const roots = mounts.split('\n').flatMap((line) => (/ cgroup2 /.test(line) ? [line.split(' ')[1] ?? ''] : []));
  const texts = new Map(
    await Promise.all(roots.map(async (root) => [root, await read(`${root}/cgroup.controllers`)] as const)),
  );
  return memoryControllerOf(mounts, (root) => texts.get(root) ?? '');
}

/** Groups of processes that have ended, left by a testbed that was killed. A group in use cannot be removed. */
async function removeLeftovers(root: string): Promise<void> {
  const names = await readdir(root).catch(() => []);
  const left = names.filter((name) => /^cutpoint-\d+$/.test(name) && !existsSync(`/proc/${name.slice(9)}`));
  await Promise.all(left.map((name) => rmdir(`${root}/${name}`).catch(() => undefined)));
}

/** A group that has just become empty is busy for a moment. */
async function remove(folder: string): Promise<void> {
  for (let left = 50; ; left -= 1) {
    try {
      await rmdir(folder);
      return;
    } catch (thrown) {
      if (left === 0) {
        throw new CutpointError(
          'CUT_EMULATION',
          `The control group ${folder} cannot be removed: ${messageOf(thrown)}.`,
          {
            cause: thrown,
          },
        );
      }
      await sleep(20);
    }
  }
}

function refused(why: string, cause?: unknown): CutpointError {
  const message = `The memory of a device cannot be limited here: ${why}. Run as root with control groups, or without a limit.`;
  return new CutpointError('CUT_EMULATION', message, { cause });
}
