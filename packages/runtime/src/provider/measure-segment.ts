import { median, type NamedTensors } from '@cutpoint/core';
import { concreteInputs } from '../model/input-types.js';
import { randomInputs } from '../model/random-inputs.js';
import type { Segment } from '../segment/segment.js';
import type { ProviderMeasurement } from './choose-provider.js';

/** Runs behind the first, which compiles kernels; fewer where they are slow. */
const mostRuns = 5;
const enoughMs = 1_000;

/**
 * Times a loaded segment on random inputs, the same each time.
 * @param shapes of its inputs, as far as they are known; others have what they declare.
 * @throws CutpointError as `Segment.run`.
 */
export async function measureSegment(
  segment: Segment,
  shapes: ReadonlyMap<string, readonly number[]>,
  options: Parameters<Segment['run']>[1],
): Promise<ProviderMeasurement> {
  const inputs = sampleInputs(segment, shapes);
  const carried = segment.outputs.filter(({ dtype }) => dtype !== null).map(({ name }) => name);
  const { outputs } = await segment.run(inputs, { ...options, outputs: carried });
  const times: number[] = [];
  const startMs = performance.now();
  while (times.length === 0 || (times.length < mostRuns && performance.now() - startMs < enoughMs)) {
    const { timing } = await segment.run(inputs, { ...options, outputs: carried });
    times.push(timing.computeUs / 1000);
  }
  return { ms: median(times), outputs };
}

function sampleInputs(segment: Segment, shapes: ReadonlyMap<string, readonly number[]>): NamedTensors {
  const specs = segment.inputs.map((spec) => ({ ...spec, shape: shapes.get(spec.name) ?? spec.shape }));
  return randomInputs(concreteInputs(specs, new Map()).inputs);
}
