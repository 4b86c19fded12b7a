import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import { z } from 'zod';
import { makeFolder } from './make-folder.js';

const ownerSchema = z.object({ pid: z.int().positive(), started: z.string().max(200) });
type Owner = z.output<typeof ownerSchema>;

/**
 * Makes this process the only one that writes a folder, until disposed or dead; makes the folder where there is none. The
 * file `owner` in it says who it is; what a killed process left is taken over, told by its process id and when that process
 * began.
 * @throws CutpointError CUT_STORE if a process that lives has it; CUT_FILE_WRITE if it cannot be written
 */
export function ownFolder(folder: string): Disposable {
  makeFolder(folder);
  return takeOwnership(join(folder, 'owner'));
}

function takeOwnership(path: string): Disposable {
  const me: Owner = { pid: process.pid, started: startOf(process.pid) };
  const mine = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const text = JSON.stringify(me);
  try {
    writeFileSync(mine, text, { mode: 0o600, flag: 'wx' });
    // A link is made whole or not at all, and never over another: nobody reads half an owner.
    for (let tries = 0; !link(mine, path); tries++) {
      if (tries === 10) throw inUse(path, undefined);
      evict(path);
    }
  } catch (thrown) {
    if (thrown instanceof CutpointError) throw thrown;
    throw new CutpointError('CUT_FILE_WRITE', `${path} cannot be written: ${systemReason(thrown)}.`, { cause: thrown });
  } finally {
    remove(mine);
  }
  return {
    [Symbol.dispose]() {
      if (read(path) === text) remove(path);
    },
  };
}

/** Takes away what a dead owner left. @throws CutpointError CUT_STORE if the owner lives */
function evict(path: string): void {
  const found = read(path);
  if (found === undefined) return;
  const owner = parse(found);
  if (owner !== undefined && lives(owner)) throw inUse(path, owner.pid);
  const aside = `${path}.gone.${randomBytes(6).toString('hex')}`;
  try {
    renameSync(path, aside);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return;
    throw thrown;
  }
  // Another process may have taken over since it was read: then what was moved aside is that one's.
  if (read(aside) !== found) link(aside, path);
  remove(aside);
}

function lives({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if (hasCode(thrown, 'ESRCH')) return false;
  }
  return started === startOf(pid);
}

/** When a process began, in a form that no later process with the same id shares; empty where the system does not tell. */
function startOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in brackets, may hold anything; the start is the 22nd field of all.
    const ticks = status.slice(status.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot} ${ticks}`;
  } catch {
    // Not Linux: the process id has to do.
    return '';
  }
}

function parse(text: string): Owner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    // A disk that was full or lost power may have left anything; an owner that lives has written it whole.
    return undefined;
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'EEXIST')) return false;
    throw thrown;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (thrown) {
    if (!hasCode(thrown, 'ENOENT')) throw thrown;
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return (thrown as NodeJS.ErrnoException).code === code;
}

function inUse(path: string, pid: number | undefined): CutpointError {
  const who = pid === undefined ? 'Another process' : `Process ${pid}`;
  return new CutpointError('CUT_STORE', `${who} uses the folder ${dirname(path)}: stop it, or name another folder.`);
}
