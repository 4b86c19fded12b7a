import type { DecoderConfig, Rope } from '../architecture/decoder-config.js';
import { floatsOf } from '../package/package-floats.testing.js';
import type { PackageManifest, PackagePart } from '../package/package-manifest.js';

type Rows = Float64Array[];
type Weights = (name: string) => Float32Array;

/**
 * A decoder written down plainly in binary64, without a cache, to compare graphs with: hidden states of all tokens of a
 * text after each layer, the embedding first; and their logits.
 */
export function referenceDecoder(folder: string, manifest: PackageManifest, tokens: readonly number[]) {
  const { config } = manifest;
  const table = floatsOf(folder, manifest.embedding, 'table');
  let rows: Rows = tokens.map((token) =>
    Float64Array.from({ length: config.hiddenSize }, (_, i) =>
      Math.fround((table[token * config.hiddenSize + i] ?? 0) * config.embeddingScale),
    ),
  );
  const states: Rows[] = [rows];
  for (const [layer, part] of manifest.layers.entries()) {
    rows = layerOutput(config, layer, weightsOf(folder, part), rows);
    states.push(rows);
  }
  const head = weightsOf(folder, manifest.head);
  const logits = rows.map((row) => times(head('matrix'), rmsNorm(row, head('norm'), config.normEpsilon)));
  return { states, logits };
}

function weightsOf(folder: string, part: PackagePart<string>): Weights {
  const known = new Map<string, Float32Array>();
  return (name) => {
    const found = known.get(name) ?? floatsOf(folder, part, name);
    known.set(name, found);
    return found;
  };
}

function layerOutput(config: DecoderConfig, layer: number, weights: Weights, rows: Rows): Rows {
  const { normEpsilon, ffnSize, activation, postNorms } = config;
  const behind = (row: Float64Array, name: string) => (postNorms ? rmsNorm(row, weights(name), normEpsilon) : row);
  const attended = attention(
    config,
    layer,
    weights,
    rows.map((row) => rmsNorm(row, weights('attentionNorm'), normEpsilon)),
  );
  return rows.map((row, t) => {
    const first = sum(row, behind(attended[t] ?? row, 'postAttentionNorm'));
    const both = times(weights('gateUp'), rmsNorm(first, weights('ffnNorm'), normEpsilon));
    const gated = Float64Array.from(
      { length: ffnSize },
      (_, i) => activate(both[i] ?? 0, activation) * (both[ffnSize + i] ?? 0),
    );
    return sum(first, behind(times(weights('down'), gated), 'postFfnNorm'));
  });
}

function attention(config: DecoderConfig, layer: number, weights: Weights, rows: Rows): Rows {
  const { heads, kvHeads, headSize, attentionScale, qkNorm, qkvBias, outBias, normEpsilon } = config;
  const { rope = 0, windowTokens = null } = config.attention[layer] ?? {};
  const turning = config.ropes[rope];
  if (turning === undefined) throw new Error(`no rope ${rope}`);
  const projected = rows.map((row) => {
    const all = times(weights('qkv'), row);
    return qkvBias ? sum(all, Float64Array.from(weights('qkvBias'))) : all;
  });
  const vector = (t: number, kind: 'query' | 'key' | 'value', head: number): Float64Array => {
    const first = { query: 0, key: heads, value: heads + kvHeads }[kind] + head;
    const raw = (projected[t] ?? new Float64Array()).slice(first * headSize, (first + 1) * headSize);
    if (kind === 'value') return raw;
    return turned(qkNorm ? rmsNorm(raw, weights(`${kind}Norm`), normEpsilon) : raw, turning, t);
  };
  return rows.map((_, t) => {
    const joined = new Float64Array(heads * headSize);
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor(head / (heads / kvHeads));
      const from = windowTokens === null ? 0 : Math.max(0, t - windowTokens + 1);
      const seen = Array.from({ length: t - from + 1 }, (_, i) => from + i);
      const query = vector(t, 'query', head);
      const scores = seen.map((s) => dot(query, vector(s, 'key', kvHead)) * attentionScale);
      const most = Math.max(...scores);
      const exps = scores.map((score) => Math.exp(score - most));
      const all = exps.reduce((a, b) => a + b, 0);
      for (const [i, s] of seen.entries()) {
        for (const [k, value] of vector(s, 'value', kvHead).entries()) {
          const at = head * headSize + k;
          joined[at] = (joined[at] ?? 0) + ((exps[i] ?? 0) / all) * value;
        }
      }
    }
    const out = times(weights('out'), joined);
    return outBias ? sum(out, Float64Array.from(weights('outBias'))) : out;
  });
}

function turned(vector: Float64Array, rope: Rope, position: number): Float64Array {
  const half = vector.length / 2;
  return vector.map((own, i) => {
    const pair = i < half ? i : i - half;
    const angle = position * frequency(rope, pair, vector.length);
    const other = vector[i < half ? i + half : i - half] ?? 0;
    return own * Math.cos(angle) + (i < half ? -other : other) * Math.sin(angle);
  });
}

function frequency({ theta, scaling }: Rope, pair: number, size: number): number {
  const plain = 1 / theta ** ((2 * pair) / size);
  if (scaling.kind === 'none') return plain;
  if (scaling.kind === 'linear') return plain / scaling.factor;
  const wavelength = (2 * Math.PI) / plain;
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextTokens: original } = scaling;
  if (wavelength < original / high) return plain;
  if (wavelength > original / low) return plain / factor;
  const smooth = (original / wavelength - low) / (high - low);
  return ((1 - smooth) * plain) / factor + smooth * plain;
}

function rmsNorm(row: Float64Array, gamma: Float32Array, epsilon: number): Float64Array {
  const scale = 1 / Math.sqrt(dot(row, row) / row.length + epsilon);
  return row.map((value, i) => value * scale * (gamma[i] ?? 0));
}

function times(matrix: Float32Array, vector: Float64Array): Float64Array {
  const columns = vector.length;
  return Float64Array.from({ length: matrix.length / columns }, (_, row) => {
    let total = 0;
    for (let i = 0; i < columns; i++) total += (matrix[row * columns + i] ?? 0) * (vector[i] ?? 0);
    return total;
  });
}

function activate(x: number, kind: DecoderConfig['activation']): number {
  if (kind === 'silu') return x / (1 + Math.exp(-x));
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

const sum = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + (b[i] ?? 0));
const dot = (a: Float64Array, b: Float64Array) => a.reduce((total, value, i) => total + value * (b[i] ?? 0), 0);
