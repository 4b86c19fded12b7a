import { CutpointError } from '@cutpoint/core';
import { Decoder } from '@cutpoint/llm';
import { divide } from '../shard/division.js';
import { ffnUnitOf } from '../shard/ffn-unit.js';
import { Formation } from './formation.js';
import type { FormationOptions } from './formation-options.js';
import { lost } from './rank-losses.js';
import type { Member } from './seats.js';

/** What runs texts now: several ranks, or rank 0 alone with the whole package, which knows no window. */
export type Formed =
  | { readonly kind: 'ranks'; readonly formation: Formation }
  | { readonly kind: 'alone'; readonly decoder: Decoder };

/** @throws CutpointError as `Decoder.open` */
export async function openAlone({ made, threads, cache, chunkTokens, signal }: OpenOptions): Promise<Formed> {
  const options = { threads, cache, chunkTokens, ...(signal && { signal }) };
  return { kind: 'alone', decoder: await Decoder.open(made.folder, made.manifest, options) };
}

type OpenOptions = Omit<FormationOptions, 'division'>;

/** @param ownShare what rank 0 can do, as the others' shares. @throws CutpointError as `Formation.form` */
export async function openRanks(
  members: readonly Member[],
  ownShare: number,
  options: OpenOptions,
): Promise<Formed & { readonly kind: 'ranks' }> {
  const { manifest } = options.made;
  const shares = [ownShare, ...members.map(({ share }) => share)];
  const division = divide(manifest.config, shares, ffnUnitOf(manifest));
  const ranks = members.map(({ rank }) => rank);
  const formation = await Formation.form(ranks, { ...options, division });
  for (const rank of ranks) {
    // Nobody waits longer for a rank than its connection is silent.
    void rank.closed.then((reason) => {
      formation.end(lost(rank, reason ?? new CutpointError('CUT_CONNECTION_LOST', 'It closed the connection.')));
    });
  }
  return { kind: 'ranks', formation };
}

export function decoderOf(formed: Formed): Decoder {
  return formed.kind === 'ranks' ? formed.formation.decoder : formed.decoder;
}

export async function close(formed: Formed | undefined): Promise<void> {
  await (formed?.kind === 'ranks' ? formed.formation : formed?.decoder)?.[Symbol.asyncDispose]();
}
