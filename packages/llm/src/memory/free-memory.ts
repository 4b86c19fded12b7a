import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';

/**
 * Memory that this process could have now, in bytes: what is free on the machine, or in the process's control group where that
 * is less. Pages of files that the group was charged for count as free, as the kernel takes them back.
 */
export async function freeMemoryBytes(): Promise<number> {
  const { availableMemory, constrainedMemory } = process as Partial<typeof process>;
  const machineBytes = freemem();
  const limitBytes = constrainedMemory?.() ?? 0;
  if (availableMemory === undefined || limitBytes <= 0 || limitBytes >= totalmem()) return machineBytes;
  return Math.min(machineBytes, availableMemory() + (await groupFileBytes()));
}

/** Pages of files in the memory of the process's control group; 0 where it does not tell. */
async function groupFileBytes(): Promise<number> {
  for (const file of statFiles(await textOf('/proc/self/cgroup'))) {
    const stat = await textOf(file);
    if (stat !== '') return filePagesIn(stat);
  }
  return 0;
}

/**
 * Where the memory of a control group is told, from the text of /proc/self/cgroup (version 1 where it has a memory controller of
 * its own, else version 2): the group's own file, and that of the root, which is all that a container sees of its group.
 */
export function statFiles(groups: string): readonly string[] {
  const fields = groups.split('\n').map((line) => line.split(':'));
  const first = fields.find(([, controllers]) => controllers?.split(',').includes('memory'));
  const path = (first ?? fields.find(([number]) => number === '0'))?.slice(2).join(':');
  if (path === undefined) return [];
  const root = first === undefined ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
  return [...new Set([path.replace(/\/$/, ''), ''])].map((group) => `${root}${group}/memory.stat`);
}

/** Pages of files, in bytes, from the text of a `memory.stat`; version 1 tells those of groups below by `total_`. */
export function filePagesIn(stat: string): number {
  const values = new Map(stat.split('\n').map((line) => line.split(' ') as [string, string | undefined]));
  const bytesOf = (name: string) => Number(values.get(`total_${name}`) ?? values.get(name) ?? 0);
  return bytesOf('active_file') + bytesOf('inactive_file');
}

function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
