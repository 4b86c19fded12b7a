import { CutpointError } from '@cutpoint/core';

/**
 * What rank 0 tells the others to do with the sequences that all ranks hold caches of. As bytes: a byte for the kind, three that are 0 but for flags,
 * three u32, and hidden states in f32; all in the order of the machine, which is little-endian wherever onnxruntime runs.
 */
export type ClusterMessage =
  | {
      readonly kind: 'pass';
      readonly sequence: number;
      /** Tokens of the sequence that stay before these; what lies behind is forgotten. */
      readonly held: number;
      /** Whether logits of all tokens are wanted, or of the last. */
      readonly allRows: boolean;
      /** Whether rank 0 looks at what each rank adds to the sums. */
      readonly checks: boolean;
      readonly hidden: Float32Array<ArrayBuffer>;
    }
  | { readonly kind: 'clone'; readonly sequence: number; readonly into: number; readonly tokens: number }
  | { readonly kind: 'drop'; readonly sequence: number }
  | { readonly kind: 'end' };

const kinds = ['pass', 'clone', 'drop', 'end'] as const;
const flags = { allRows: 1, checks: 2 } as const;
const headerBytes = 16;

/** Bytes of the longest message. */
export function mostMessageBytes(tokens: number, hiddenSize: number): number {
  return headerBytes + 4 * tokens * hiddenSize;
}

export function encodeMessage(message: ClusterMessage): Uint8Array<ArrayBuffer> {
  const hidden = message.kind === 'pass' ? message.hidden : new Float32Array(0);
  const bytes = new Uint8Array(headerBytes + hidden.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kinds.indexOf(message.kind));
  if (message.kind === 'pass')
    view.setUint8(1, (message.allRows ? flags.allRows : 0) | (message.checks ? flags.checks : 0));
  for (const [i, value] of numbersOf(message).entries()) view.setUint32(4 * (i + 1), value, true);
  new Float32Array(bytes.buffer, headerBytes).set(hidden);
  return bytes;
}

function numbersOf(message: ClusterMessage): readonly number[] {
  if (message.kind === 'pass') return [message.sequence, message.held];
  if (message.kind === 'clone') return [message.sequence, message.into, message.tokens];
  return message.kind === 'drop' ? [message.sequence] : [];
}

/** @throws CutpointError CUT_RANK_LOST if rank 0 sent something else. */
export function decodeMessage(bytes: Uint8Array<ArrayBuffer>, hiddenSize: number): ClusterMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = bytes.length < headerBytes ? undefined : kinds[view.getUint8(0)];
  const [a, b, c] = kind === undefined ? [0, 0, 0] : ([4, 8, 12] as const).map((at) => view.getUint32(at, true));
  if (kind === 'end') return { kind };
  if (kind === 'drop') return { kind, sequence: a ?? 0 };
  if (kind === 'clone') return { kind, sequence: a ?? 0, into: b ?? 0, tokens: c ?? 0 };
  const hiddenBytes = bytes.length - headerBytes;
  if (kind === 'pass' && hiddenBytes > 0 && hiddenBytes % (4 * hiddenSize) === 0) {
    const hidden = new Float32Array(bytes.slice(headerBytes).buffer);
    const has = (flag: number) => (view.getUint8(1) & flag) !== 0;
    const what = { allRows: has(flags.allRows), checks: has(flags.checks) };
    return { kind, sequence: a ?? 0, held: b ?? 0, ...what, hidden };
  }
  throw new CutpointError('CUT_RANK_LOST', `Rank 0 sent a message of ${bytes.length} bytes that says nothing known.`);
}
