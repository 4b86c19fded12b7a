import type { Rope } from '../architecture/decoder-config.js';

/** Cosines and sines of positions 0 to `positions` - 1, each [positions, headSize / 2]. */
export interface RopeTables {
  readonly positions: number;
  readonly cosines: Float32Array<ArrayBuffer>;
  readonly sines: Float32Array<ArrayBuffer>;
}

/** Computes the tables of a rope (Su et al., RoFormer, section 3.2.2; scaling as `RopeScaling` says). */
export function ropeTables(rope: Rope, headSize: number, positions: number): RopeTables {
  const half = headSize / 2;
  const cosines = new Float32Array(positions * half);
  const sines = new Float32Array(positions * half);
  const frequencies = ropeFrequencies(rope, headSize);
  for (let position = 0; position < positions; position++) {
    for (const [i, frequency] of frequencies.entries()) {
      cosines[position * half + i] = Math.cos(position * frequency);
      sines[position * half + i] = Math.sin(position * frequency);
    }
  }
  return { positions, cosines, sines };
}

/** Radians per position of each pair of elements. */
export function ropeFrequencies({ theta, scaling }: Rope, headSize: number): Float64Array {
  return Float64Array.from({ length: headSize / 2 }, (_, i) => {
    const frequency = theta ** ((-2 * i) / headSize);
    if (scaling.kind === 'none') return frequency;
    if (scaling.kind === 'linear') return frequency / scaling.factor;
    const { factor, lowFrequencyFactor, highFrequencyFactor, originalContextTokens } = scaling;
    const turns = (originalContextTokens * frequency) / (2 * Math.PI);
    if (turns > highFrequencyFactor) return frequency;
    if (turns < lowFrequencyFactor) return frequency / factor;
    const kept = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    return frequency * (kept + (1 - kept) / factor);
  });
}
