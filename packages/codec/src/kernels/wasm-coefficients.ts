import { CutpointError } from '@cutpoint/core';
import { corrupt, scale } from '../entropy/rans.js';
import { coarseBits, type StaticTable } from '../entropy/table.js';
import { symbolCount, tooLarge } from '../transform/coefficients.js';
import { classCount } from '../transform/contexts.js';
import type { TransformKernels } from '../transform/kernels.js';
import type { Extent, TransformTable } from '../transform/table.js';
import { putArray, roomFor, type WasmInstance } from './wasm-instance.js';

type Coder = Omit<TransformKernels, 'coefficientsOf' | 'valuesOf'>;

/** Symbols that a coefficient may need: its cell, sign, width and two parts of what is far, plain bits. Two bytes at most each. */
const mostSymbols = 6;
/** Planes of what is known, beside those of the components: see assembly/transform/contexts.ts. */
const extraPlanes = 10;

/** What assembly/transform/rans.ts tells of damaged bytes. */
const noFault = 0;
const sizeFault = 2;

/** The coefficients of samples as symbols, and back. @param plain for samples too large for the module's memory. */
export function coefficientCoder(wasm: WasmInstance, table: TransformTable, plain: Coder): Coder {
  const { magnitudes, groups, weights, classes } = table;
  const { starts, firsts } = distributionsOf(classes);
  const perPlace = magnitudes.length !== groups.length;
  const tables = [magnitudes, groups, weights, starts, firsts] as const;

  /** Room for the tables, planes and coefficients of a sample, and for so many bytes of symbols. */
  function prepared(extent: Extent, symbolBytes: number) {
    const { channels, height, width } = extent;
    const planeBytes = (channels + extraPlanes) * (height + 2) * (width + 2) * 4;
    const [a, b, c, d, e] = tables;
    const tableBytes = [a.byteLength, b.byteLength, c.byteLength, d.byteLength, e.byteLength] as const;
    const room = roomFor(wasm, [...tableBytes, planeBytes, countOf(extent) * 4, symbolBytes, 12] as const);
    if (room === undefined) return undefined;
    for (const [i, one] of tables.entries()) putArray(room.memory, room.at[i] as number, one);
    return room;
  }

  return {
    encode(encoder, coefficients, extent) {
      const room = prepared(extent, countOf(extent) * mostSymbols * 4);
      if (room === undefined) return plain.encode(encoder, coefficients, extent);
      const [magnitude, group, weight, start, , planes, values, ops] = room.at;
      putArray(room.memory, values, coefficients);
      const { channels, height, width } = extent;
      const where = [magnitude, perPlace, group, weight, start] as const;
      const end = wasm.run.encodeCoefficients(values, channels, height, width, ...where, planes, ops);
      encoder.putAll(new Uint32Array(room.memory.buffer, ops, (end - ops) / 4));
    },
    finish(encoder) {
      const { ops } = encoder;
      // No symbol takes more than two bytes, and the last state takes four.
      const mostBytes = ops.length * 2 + 4;
      const room = roomFor(wasm, [ops.byteLength * 3, mostBytes]);
      if (room === undefined) return plain.finish(encoder);
      const [from, to] = room.at;
      putArray(room.memory, from, ops);
      return room.memory.slice(wasm.run.finishOps(from, ops.length, to + mostBytes), to + mostBytes);
    },
    decode(decoder, extent) {
      const { at, state, hash } = decoder.position;
      const bytes = decoder.bytes.subarray(at, at + countOf(extent) * mostSymbols * 2);
      const room = prepared(extent, bytes.length);
      if (room === undefined) return plain.decode(decoder, extent);
      const [magnitude, group, weight, start, first, planes, values, from, position] = room.at;
      putArray(room.memory, from, bytes);
      const words = new Uint32Array(room.memory.buffer, position, 3);
      words.set([state, hash]);
      const { channels, height, width } = extent;
      const where = [magnitude, perPlace, group, weight, start, first, planes, from, bytes.length, position] as const;
      const taken = wasm.run.decodeCoefficients(values, channels, height, width, ...where);
      const [nextState = 0, nextHash = 0, fault] = words;
      if (fault !== noFault) throw fault === sizeFault ? tooLarge() : corrupt();
      decoder.moveTo({ at: at + taken, state: nextState, hash: nextHash | 0 });
      return new Int32Array(room.memory.slice(values, values + countOf(extent) * 4).buffer);
    },
  };
}

function countOf({ channels, height, width }: Extent): number {
  return channels * height * width;
}

/** The distributions of all classes, side by side. */
function distributionsOf(classes: readonly StaticTable[]) {
  const starts = new Uint16Array(classCount * (symbolCount + 1));
  const firsts = new Uint8Array(classCount * (scale >>> coarseBits));
  for (const [i, one] of classes.entries()) {
    const whole =
      one.symbols === symbolCount && one.starts.every((start, s) => s === 0 || start > (one.starts[s - 1] ?? 0));
    if (!whole) throw new CutpointError('CUT_INTERNAL', `A symbol is missing in class ${i} of a transform table.`);
    starts.set(one.starts, i * one.starts.length);
    firsts.set(one.first, i * one.first.length);
  }
  return { starts, firsts };
}
