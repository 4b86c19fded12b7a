/**
 * How like the hidden states before and behind a layer are: the mean cosine over all tokens. A layer that changes little counts
 * little (LIM is its negative: R. Dumitru et al., "Layer-Wise Quantization", 2024).
 * @param before hidden states of each text [tokens, hiddenSize]; `behind` likewise.
 */
export function meanCosine(
  before: readonly Float32Array[],
  behind: readonly Float32Array[],
  hiddenSize: number,
): number {
  let [sum, tokens] = [0, 0];
  for (const [text, rows] of before.entries()) {
    const others = behind[text] ?? new Float32Array(0);
    for (let from = 0; from < rows.length; from += hiddenSize) {
      sum += cosine(rows.subarray(from, from + hiddenSize), others.subarray(from, from + hiddenSize));
      tokens += 1;
    }
  }
  return sum / tokens;
}

/** How far hidden states are off: the squares of differences over those of the right ones. */
export function relativeError(right: readonly Float32Array[], other: readonly Float32Array[]): number {
  let [errors, squares] = [0, 0];
  for (const [text, rows] of right.entries()) {
    for (let i = 0; i < rows.length; i++) {
      const value = rows[i] ?? 0;
      errors += (value - (other[text]?.[i] ?? 0)) ** 2;
      squares += value ** 2;
    }
  }
  return errors / squares;
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    dot += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return dot / Math.sqrt(ofA * ofB);
}
