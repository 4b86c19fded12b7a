import { isImageSpec } from '@cutpoint/codec';
import { type DeviceId, deviceId, type Rung } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { checkCodecs } from './check-codecs.js';

/** The ways in which requests are answered that begin at one device, best first. */
export interface Ladder {
  readonly device: DeviceId;
  readonly ladder: readonly Rung[];
}

const plan = z.object({
  devices: z.array(deviceId).min(1).max(64),
  cuts: z.array(z.int().min(0)).max(63),
  codecs: z.array(z.string().max(512)).max(63),
});

/** What is read of the JSON that `cutpoint plan --json` prints. */
const planFile = z.object({
  pick: plan,
  front: z.array(plan).max(100_000).default([]),
  baselines: z
    .array(z.object({ device: deviceId, infeasible: z.string().optional(), devices: z.unknown().optional() }))
    .max(64)
    .default([]),
});

/** So many ways to split are on a device at most, unless more are asked for: each takes room there. */
const defaultMostSplits = 3;

const fleetFile = z.object({ plans: z.array(z.unknown()).min(1).max(1024) });

/**
 * The ladders of what `cutpoint plan --json` prints: of one plan, or with `--fleet` of one for each device where requests begin.
 * @throws CutpointError as `ladderOfPlan`.
 */
export function laddersOfPlan(json: unknown): Ladder[] {
  const several = fleetFile.safeParse(json);
  return (several.success ? several.data.plans : [json]).map((one) => ladderOfPlan(one));
}

/**
 * The ladder of a plan: its pick first, then other plans of the front that begin at the same device, then all of it on
 * that device alone, where the plan says that it can be.
 * @throws CutpointError CUT_DEPLOYMENT if it is no plan, or one that no devices can run.
 */
export function ladderOfPlan(json: unknown, { mostSplits = defaultMostSplits }: { mostSplits?: number } = {}): Ladder {
  const parsed = planFile.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') ?? '';
    const message = `This is not what \`cutpoint plan --json\` prints: ${where}: ${issue?.message ?? ''}.`;
    throw new CutpointError('CUT_DEPLOYMENT', message);
  }
  const { pick, front, baselines } = parsed.data;
  const [device] = pick.devices;
  if (device === undefined) throw new CutpointError('CUT_DEPLOYMENT', 'The plan names no device.');
  const first = rungOf(pick);
  checkCodecs(first.codecs);
  const others = front.filter(({ devices, codecs }) => devices[0] === device && !codecs.some(isImageSpec)).map(rungOf);
  const own = baselines.find((baseline) => baseline.device === device);
  const alone = own !== undefined && own.infeasible === undefined ? [wholeRung] : [];
  const split = distinct([first, ...others].filter(({ at }) => at.length > 0)).slice(0, mostSplits);
  return { device, ladder: first.at.length === 0 ? [first, ...split] : [...split, ...alone] };
}

/** All of the model on the device where a request begins. */
export const wholeRung: Rung = { at: [], codecs: [], chain: [] };

function rungOf({ devices, cuts, codecs }: z.output<typeof plan>): Rung {
  const [, ...chain] = devices;
  if (chain.length === cuts.length && codecs.length === cuts.length) return { at: cuts, codecs, chain };
  throw new CutpointError('CUT_DEPLOYMENT', 'A plan has one cut and one codec between each two of its devices.');
}

function distinct(rungs: readonly Rung[]): Rung[] {
  return [...new Map(rungs.map((rung) => [JSON.stringify(rung), rung])).values()];
}
