import {
  type Codec,
  decodeCrossing,
  encodeCrossing,
  openCodec,
  openKernels,
  type TransformTables,
  transformCodecs,
} from '@cutpoint/codec';
import { CutpointError, f32Values, type NamedTensors, tensorOf } from '@cutpoint/core';
import { hiddenName } from '../split/hidden-rows.js';

type Rows = Float32Array<ArrayBuffer>;

/** Hidden states that have crossed a cut, and the bytes that they took, headers of the codec counted. */
export interface Crossed {
  /** [tokens, hiddenSize] */
  readonly hidden: Rows;
  readonly bytes: number;
}

/** How hidden states cross a cut. */
export interface HiddenCodec {
  /** The canonical spec. */
  readonly spec: string;
  readonly hiddenSize: number;
  /** What crosses of rows [tokens, hiddenSize], and what arrives of it. */
  encode(hidden: Rows): NamedTensors;
  decode(crossed: NamedTensors): Rows;
  /** Bytes of rows that are encoded at once, as a chunk of a prompt crosses. */
  chunkBytes(hidden: Rows): number;
  /** Encodes and decodes each row by itself, as tokens cross that are decoded one by one. */
  crossRows(hidden: Rows): Crossed;
}

const dtypes = new Map([[hiddenName, 'f32' as const]]);

/**
 * Opens a codec for hidden states [tokens, hiddenSize].
 * @param tables those that specs `transform:table=NAME` may name.
 * @throws CutpointError CUT_USAGE for a wrong spec, CUT_CODEC_TABLE.
 */
export function openHiddenCodec(spec: string, hiddenSize: number, tables: TransformTables = new Map()): HiddenCodec {
  // Both have ways of their own across a cut, without the header of a payload.
  const isTensor = spec === 'raw' || spec === 'f16';
  const codec = isTensor ? spec : openCodec(spec, { kernels: openKernels(), transform: transformCodecs(tables) });
  const encode = (rows: Rows) => {
    const tensor = tensorOf('f32', [rows.length / hiddenSize, hiddenSize], rows);
    return encodeCrossing(new Map([[hiddenName, tensor]]), codec);
  };
  const decode = (sent: NamedTensors) => rowsOf(decodeCrossing(sent, codec, dtypes));
  return {
    spec: specOf(codec),
    hiddenSize,
    encode,
    decode,
    chunkBytes: (hidden) => bytesOf(encode(hidden)),
    crossRows(hidden) {
      const all = new Float32Array(hidden.length);
      let bytes = 0;
      for (let at = 0; at < hidden.length; at += hiddenSize) {
        const sent = encode(hidden.slice(at, at + hiddenSize));
        all.set(decode(sent), at);
        bytes += bytesOf(sent);
      }
      return { hidden: all, bytes };
    },
  };
}

function bytesOf(tensors: NamedTensors): number {
  return [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
}

function specOf(codec: string | Codec): string {
  return typeof codec === 'string' ? codec : codec.spec;
}

function rowsOf(tensors: NamedTensors): Rows {
  const tensor = tensors.get(hiddenName);
  if (tensor !== undefined) return f32Values(tensor);
  throw new CutpointError('CUT_INTERNAL', 'No hidden state has crossed.');
}
