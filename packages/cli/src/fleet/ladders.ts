import type { DeviceId, Rung } from '@cutpoint/control/client';
import { CutpointError } from '@cutpoint/core';
import { codecsFor } from '@cutpoint/daemon';
import { type Ladder, laddersOfPlan, wholeRung } from '@cutpoint/server';

/** What a person says about where a model shall run. */
export interface Placement {
  /** What `cutpoint plan --json` printed. */
  readonly plan?: unknown;
  /** Cuts; none for the whole model on one device. */
  readonly at: readonly number[];
  /** Chains of devices, one for each device where requests begin. */
  readonly on: readonly (readonly DeviceId[])[];
  /** One for all cuts, or one for each. */
  readonly codecs: readonly string[];
  /** Whether the device where a request begins answers it alone when all else fails. */
  readonly localFallback: boolean;
  /** Devices that stand in for the last of a chain. */
  readonly spares: readonly DeviceId[];
}

const mostRungs = 16;

/**
 * The ways to answer requests, for each device where they begin: as planned, or as said; each with the spares in place of its
 * last device behind it, and the whole model on the device itself at the end, where that is asked for.
 * @throws CutpointError CUT_USAGE if the parts do not fit, CUT_DEPLOYMENT if the plan cannot be deployed.
 */
export function laddersOf({ plan, at, on, codecs, localFallback, spares }: Placement): Ladder[] {
  const ladders = plan === undefined ? on.map((devices) => ladderBy(devices, at, codecs)) : laddersOfPlan(plan);
  const starts = ladders.map(({ device }) => device);
  const twice = starts.find((device, i) => starts.indexOf(device) !== i);
  if (twice !== undefined)
    throw new CutpointError('CUT_USAGE', `Requests begin at ${twice} twice: name it first in one --on.`);
  return ladders.map(({ device, ladder }) => {
    const spared = withSpares(device, ladder, spares);
    const whole = localFallback && !spared.some(({ at: cuts }) => cuts.length === 0) ? [wholeRung] : [];
    const all = [...spared, ...whole];
    if (all.length <= mostRungs) return { device, ladder: all };
    throw new CutpointError(
      'CUT_USAGE',
      `There are ${all.length} ways to answer at ${device}, but at most ${mostRungs}: give fewer --spare.`,
    );
  });
}

function ladderBy([device, ...chain]: readonly DeviceId[], at: readonly number[], codecs: readonly string[]): Ladder {
  if (device === undefined || chain.length !== at.length) {
    const message = `Each --on needs one device more than there are cuts: ${at.length + 1}, not ${device === undefined ? 0 : chain.length + 1}.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const rung = { at: [...at], codecs: codecsFor(at.length, codecs), chain };
  return { device, ladder: [at.length === 0 ? wholeRung : rung] };
}

function withSpares(device: DeviceId, ladder: readonly Rung[], spares: readonly DeviceId[]): readonly Rung[] {
  const planned = ladder.find(({ chain }) => chain.length > 0)?.chain.at(-1);
  const useful = spares.filter((spare) => ladder.some((rung) => standIn(device, rung, planned, spare) !== undefined));
  const useless = spares.find((spare) => !useful.includes(spare));
  if (useless !== undefined) {
    const message = `${useless} is no spare for requests at ${device}: ${planned === undefined ? 'no other device takes part' : 'it takes part already'}.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const all = ladder.flatMap((rung) => [
    rung,
    ...spares.flatMap((spare) => standIn(device, rung, planned, spare) ?? []),
  ]);
  // A plan may have the same way further down.
  return [...new Map(all.map((rung) => [JSON.stringify(rung), rung])).values()];
}

/** A rung with another last device; undefined where that is not the one to stand in for, or the spare has a part already. */
function standIn(device: DeviceId, rung: Rung, planned: DeviceId | undefined, spare: DeviceId): Rung | undefined {
  const { chain } = rung;
  if (planned === undefined || chain.at(-1) !== planned || device === spare || chain.includes(spare)) return undefined;
  return { ...rung, chain: [...chain.slice(0, -1), spare] };
}
