import { CutpointError, f32Values, type Tensor } from '@cutpoint/core';

/** What the recogniser read: the text, and the mean probability of its characters (0 if there are none). */
export interface Reading {
  readonly text: string;
  readonly confidence: number;
}

/** Class 0: "no character here"; it also separates a doubled letter from one that spans two steps. */
const blank = '';

/** The character of every class of a keys file with the given content: blank, one per line, space. */
export function classesOf(keys: string): readonly string[] {
  return [blank, ...keys.replace(/\r?\n$/, '').split(/\r?\n/), ' '];
}

/**
 * Greedy CTC decoding of probabilities f32[1, steps, classes]: the likeliest class of each step, repeats
 * merged, blanks dropped. Source: Graves et al., "Connectionist Temporal Classification", 2006, section 3.2.
 * @throws CutpointError CUT_INPUT if the tensor is not of that shape or has another number of classes.
 */
export function decodeCtc(probabilities: Tensor, classes: readonly string[]): Reading {
  const [batch, steps, count] = probabilities.shape;
  if (probabilities.shape.length !== 3 || batch !== 1 || steps === undefined || count !== classes.length) {
    throw new CutpointError(
      'CUT_INPUT',
      `The model gave [${probabilities.shape.join(', ')}], but the keys file asks for [1, steps, ${classes.length}].`,
    );
  }
  const values = f32Values(probabilities);
  let text = '';
  let sum = 0;
  let characters = 0;
  let previous = 0;
  for (let step = 0; step < steps; step++) {
    const row = values.subarray(step * count, (step + 1) * count);
    const best = indexOfLargest(row);
    if (best !== 0 && best !== previous) {
      text += classes[best] ?? '';
      sum += row[best] ?? 0;
      characters++;
    }
    previous = best;
  }
  return { text, confidence: characters === 0 ? 0 : sum / characters };
}

function indexOfLargest(values: Float32Array): number {
  let best = 0;
  let largest = Number.NEGATIVE_INFINITY;
  for (const [index, value] of values.entries()) {
    if (value > largest) {
      best = index;
      largest = value;
    }
  }
  return best;
}
