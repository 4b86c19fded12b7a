import { CutpointError } from '@cutpoint/core';
import { damaged } from '../bytes.js';
import type { Kernels } from '../kernels/kernels.js';
import type { SymbolLayout } from './layout.js';
import { methodOf, withMethod } from './methods.js';

/** Up to so many symbols are coded by learning from each, which is slower; with more, tables that are sent cost little. */
const mostLearnt = 2048;

/**
 * Codes symbols under distributions that are sent along, by class, by neighbours, both or neither; few symbols under some that
 * learn, by class; or as they are, if that is shorter. The first byte says which.
 * @param symbols below the alphabet, which is not checked.
 * @throws CutpointError CUT_INTERNAL if the layout is of another number of symbols.
 */
export function encodeSymbols(symbols: Uint8Array, layout: SymbolLayout, kernels: Kernels): Uint8Array<ArrayBuffer> {
  checkLayout(layout);
  if (symbols.length !== layout.count) {
    const message = `Symbols do not fit their layout of ${layout.count} below ${layout.alphabet}.`;
    throw new CutpointError('CUT_INTERNAL', message);
  }
  const coded =
    symbols.length <= mostLearnt ? kernels.encodeLearning(symbols, layout) : kernels.encodeFixed(symbols, layout);
  return coded.length > symbols.length ? withMethod('verbatim', symbols) : coded;
}

/**
 * The symbols that `encodeSymbols` was given.
 * @throws CutpointError CUT_CODEC_PAYLOAD if the bytes are not what it made for this layout.
 */
export function decodeSymbols(bytes: Uint8Array, layout: SymbolLayout, kernels: Kernels): Uint8Array<ArrayBuffer> {
  checkLayout(layout);
  const { count, alphabet } = layout;
  const method = methodOf(bytes[0]);
  if (method === 'verbatim') {
    const body = bytes.subarray(1);
    if (body.length !== count || !areBelow(body, alphabet)) throw damaged('holds other symbols than it should');
    return body.slice();
  }
  if (method === 'learnt') {
    if (count > mostLearnt) throw damaged('learns from too many symbols');
    return kernels.decodeLearning(bytes, layout);
  }
  return kernels.decodeFixed(bytes, layout);
}

function areBelow(symbols: Uint8Array, alphabet: number): boolean {
  if (alphabet > 255) return true;
  let most = 0;
  for (let i = 0; i < symbols.length; i++) most = Math.max(most, symbols[i] as number);
  return most < alphabet;
}

function checkLayout({ count, alphabet, own, classes, left, up }: SymbolLayout): void {
  const fits = alphabet >= 2 && alphabet <= 256 && classes >= 1 && classes <= 16 && left >= 1 && up >= 1;
  if (fits && (own === undefined ? classes <= 8 : own.length === count)) return;
  throw new CutpointError('CUT_INTERNAL', `A layout of ${count} symbols below ${alphabet} is inconsistent.`);
}
