import type { HiddenCodec } from '../evaluate/hidden-codec.js';

export interface CodecTimes {
  /** Of one token that crosses alone. */
  readonly encodeMs: number;
  readonly decodeMs: number;
}

const leastRows = 64;

/** How long a codec takes for one token, on this device. @param hidden [tokens, hiddenSize], real ones. */
export function measureCodecTimes(codec: HiddenCodec, hidden: Float32Array<ArrayBuffer>): CodecTimes {
  const { hiddenSize } = codec;
  const rows = Array.from({ length: Math.max(1, Math.min(leastRows, hidden.length / hiddenSize)) }, (_, i) =>
    hidden.slice(i * hiddenSize, (i + 1) * hiddenSize),
  );
  const encoded = rows.map((row) => codec.encode(row));
  return {
    encodeMs: median(() => rows.map((row) => timeOf(() => codec.encode(row)))),
    decodeMs: median(() => encoded.map((one) => timeOf(() => codec.decode(one)))),
  };
}

/** Of the second round: the first warms up. */
function median(round: () => number[]): number {
  round();
  const times = round().sort((a, b) => a - b);
  return times[times.length >> 1] ?? 0;
}

function timeOf(work: () => unknown): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}
