import type { RankEndpoint } from '@cutpoint/cluster';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { readAuthorityFile, readTokenFile } from '@cutpoint/daemon';
import type { Command } from 'commander';
import { parsePositive } from '../options.js';
import { parseQuantity } from '../plan/plan-options.js';

/** How a verb says which machines the ranks are. */
export interface RankOptions {
  readonly ranks?: readonly string[];
  readonly local?: number;
  readonly shares?: readonly number[];
  readonly tokenFile?: string;
  readonly ca?: string;
}

export function addRankOptions(command: Command): Command {
  return command
    .option(
      '--ranks <addresses>',
      'the other ranks, as `cutpoint cluster join` said: tcp://pi-1:7410,tcp://pi-2:7410',
      addresses,
    )
    .option('--local <n>', 'so many ranks in processes of this machine, this one included', localRanks)
    .option('--shares <numbers>', 'what each rank can do, in any unit, this one first: 2,1,1 (default: equal)', shares)
    .option('--token-file <file>', 'file with the token of the other ranks')
    .option('--ca <file>', 'PEM file with the authority of their certificates (default: the system knows it)');
}

/** More processes than this help nobody on one machine. */
const mostLocalRanks = 16;

function localRanks(text: string): number {
  const ranks = parsePositive(text);
  if (ranks <= mostLocalRanks) return ranks;
  throw new CutpointError('CUT_USAGE', `--local takes up to ${mostLocalRanks} ranks, not ${ranks}.`);
}

export function addresses(text: string): string[] {
  const named = text.split(',').map((each) => each.trim());
  if (named.includes('')) {
    throw new CutpointError('CUT_USAGE', '--ranks takes addresses with commas between: pi-1:7410,pi-2:7410.');
  }
  const all = named.map((each) => (each.includes('://') ? each : `tcp://${each}`));
  const again = all.find((each, i) => all.indexOf(each) < i);
  if (again === undefined) return all;
  throw new CutpointError('CUT_USAGE', `--ranks names ${again} twice: a machine is one rank.`);
}

/** So that all together are a number still. */
const largestShare = 1e15;

export function shares(text: string): number[] {
  return text.split(',').map((each) => {
    const share = Number(each);
    if (each.trim() !== '' && share > 0 && share <= largestShare) return share;
    throw new CutpointError(
      'CUT_USAGE',
      `--shares takes positive numbers up to 1e15 with commas between, not "${text}".`,
    );
  });
}

/** What weights may take at each rank, in bytes. */
export function windows(text: string): number[] {
  return text.split(',').map((each) => {
    const bytes = Math.floor(parseQuantity(each.trim()));
    if (bytes > 0) return bytes;
    throw new CutpointError('CUT_USAGE', `--window takes bytes, 1 or more, not "${each}".`);
  });
}

/** @throws CutpointError CUT_USAGE unless the ranks are either named or of this machine. */
export function needRanks({ ranks, local }: { readonly ranks?: unknown; readonly local?: unknown }): void {
  if ((local === undefined) !== (ranks === undefined)) return;
  throw new CutpointError('CUT_USAGE', 'Say which machines the ranks are: --ranks HOST:PORT,... or --local N.');
}

/** What the flags for the files of other ranks are called, where they are not those of `addRankOptions`. */
export interface RankFileFlags {
  readonly tokenFile: string;
  readonly ca: string;
}

/** The ranks that were named, and how to reach them. @throws CutpointError CUT_USAGE, CUT_FILE_NOT_FOUND, with the flag that names the file. */
export async function rankAddresses(
  { ranks = [], tokenFile, ca }: RankOptions,
  flags: RankFileFlags = { tokenFile: '--token-file', ca: '--ca' },
): Promise<RankEndpoint[]> {
  const token = tokenFile === undefined ? undefined : await ofFlag(flags.tokenFile, readTokenFile(tokenFile));
  const authority = ca === undefined ? undefined : await ofFlag(flags.ca, readAuthorityFile(ca));
  return ranks.map((url) => ({ url, token, ...(authority !== undefined && { tls: { ca: authority } }) }));
}

async function ofFlag<T>(flag: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (thrown) {
    const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
    throw new CutpointError(code, `${flag}: ${message}`, { cause: thrown });
  }
}
