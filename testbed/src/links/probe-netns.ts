import { messageOf } from '@cutpoint/core';
import type { Command } from './netns-commands.js';
import { runCommand } from './run-command.js';

/**
 * Tries in a namespace of its own whether this machine can emulate links in the kernel: the programs ip and tc, the
 * privileges, and the netem module. Undefined if it can, else why it cannot.
 */
export async function whyNoNetns(run: (command: Command) => Promise<void> = runCommand): Promise<string | undefined> {
  const name = `cut-probe-${process.pid}`;
  try {
    await run(['tc', '-V']);
    await run(['ip', 'netns', 'add', name]);
  } catch (thrown) {
    return reasonOf(thrown);
  }
  try {
    await run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
    await run(['tc', '-n', name, 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']);
    return undefined;
  } catch (thrown) {
    return reasonOf(thrown);
  } finally {
    await run(['ip', 'netns', 'delete', name]);
  }
}

function reasonOf(thrown: unknown): string {
  const text = messageOf(thrown);
  const known = reasons.find(([pattern]) => pattern.test(text));
  return known === undefined ? text.replace(/\.$/, '') : known[1];
}

/** What iproute2 and the kernel say, and what it means. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/qdisc kind is unknown/i, 'this kernel has no netem (the module sch_netem)'],
  [
    /not permitted|permission denied|must be root/i,
    'network namespaces need an administrator (root, or CAP_NET_ADMIN)',
  ],
  [/ENOENT/, 'the programs ip and tc (the package iproute2) are not installed'],
];
