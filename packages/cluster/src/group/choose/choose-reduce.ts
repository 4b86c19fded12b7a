import { type Payload, type ReduceRule, type Topology, topologies } from '../rank-group.js';
import type { GroupMeasures } from './measures.js';
import { reduceMs } from './reduce-cost.js';

/** What one way to sum would take. */
export interface Candidate {
  readonly topology: Topology;
  readonly payload: Payload;
  readonly predictedMs: number;
}

export interface ReduceChoice {
  readonly rules: ReduceRule[];
  /** For each size that was asked for: all candidates, the quickest first. */
  readonly sizes: readonly { readonly bytes: number; readonly candidates: readonly Candidate[] }[];
  /** Lines that a person reads. */
  readonly explanation: readonly string[];
}

/** What may be chosen from. */
export interface ReduceSpace {
  readonly topologies: readonly Topology[];
  /** Other than f32 loses precision, which only the user can allow. */
  readonly payloads: readonly Payload[];
}

/**
 * Chooses the quickest way to sum for each size of message, by the costs of `reduceMs`.
 * @param sizes of the sums that a model needs, in bytes of f32; rising. Sizes between two follow the rule of the larger one.
 */
export function chooseReduce(
  measures: GroupMeasures,
  sizes: readonly number[],
  space: ReduceSpace = { topologies, payloads: ['f32'] },
): ReduceChoice {
  const bySize = sizes.map((bytes) => ({ bytes, candidates: ranked(measures, bytes, space) }));
  const rules: ReduceRule[] = [];
  for (const [i, { bytes, candidates }] of bySize.entries()) {
    const [best] = candidates;
    if (best === undefined) throw new RangeError('There is nothing to choose from.');
    const mostBytes = i === sizes.length - 1 ? Number.POSITIVE_INFINITY : bytes;
    const last = rules.at(-1);
    if (last?.topology === best.topology && last.payload === best.payload) rules.pop();
    rules.push({ mostBytes, topology: best.topology, payload: best.payload });
  }
  return {
    rules,
    sizes: bySize,
    explanation: bySize.map(({ bytes, candidates }) => explain(measures, bytes, candidates)),
  };
}

function ranked(measures: GroupMeasures, bytes: number, { topologies, payloads }: ReduceSpace): Candidate[] {
  const candidates = topologies.flatMap((topology) =>
    payloads.map((payload) => ({ topology, payload, predictedMs: reduceMs(topology, payload, bytes, measures) })),
  );
  return candidates.sort((a, b) => a.predictedMs - b.predictedMs);
}

const reasons = {
  mesh: () => 'every rank sends to all others at once, so one trip is enough',
  star: () => 'rank 0 adds up and sends the sum back: two trips, but no rank except it sends more than one message',
  tree: () => 'neighbours add up first: four trips, but rank 0 hears few',
  ring: (ranks: number) => `each rank sends 1/${ranks} at a time, the fewest bytes, for ${2 * (ranks - 1)} trips`,
} as const satisfies Record<Topology, (ranks: number) => string>;

function explain({ ranks }: GroupMeasures, bytes: number, [best, ...others]: readonly Candidate[]): string {
  if (best === undefined) return '';
  const rest = others.map((other) => `${nameOf(other)} ${milliseconds(other.predictedMs)}`).join(', ');
  const instead = rest === '' ? '' : ` Instead: ${rest}.`;
  const why = reasons[best.topology](ranks);
  return `Sums of ${bytes} bytes: ${nameOf(best)}, ${milliseconds(best.predictedMs)}; ${why}.${instead}`;
}

function nameOf({ topology, payload }: Candidate): string {
  return `${topology} with ${payload}`;
}

function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(3) : ms.toFixed(0)} ms`;
}
