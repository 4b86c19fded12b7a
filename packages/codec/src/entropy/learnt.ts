import { damaged } from '../bytes.js';
import type { Classes } from '../kernels/kernels.js';
import { AdaptiveTables } from './adaptive.js';
import { RansDecoder, RansEncoder } from './rans.js';

/**
 * Codes symbols under distributions, one for each class, that learn from them. Symbols above 15 go as two halves, the lower
 * one in the context of the upper one.
 */
export function encodeLearning(
  symbols: Uint8Array,
  { own, classes }: Classes,
  alphabet: number,
): Uint8Array<ArrayBuffer> {
  const encoder = new RansEncoder();
  const upper = new AdaptiveTables(classes);
  const lower = alphabet > 16 ? new AdaptiveTables(classes * 16) : undefined;
  for (let i = 0; i < symbols.length; i++) {
    const context = own?.[i] ?? 0;
    const symbol = symbols[i] ?? 0;
    upper.encode(encoder, context, lower === undefined ? symbol : symbol >> 4);
    lower?.encode(encoder, context * 16 + (symbol >> 4), symbol & 15);
  }
  return encoder.finish();
}

/** What `encodeLearning` was given. @throws CutpointError CUT_CODEC_PAYLOAD if the bytes are not what it gave. */
export function decodeLearning(
  bytes: Uint8Array,
  count: number,
  { own, classes }: Classes,
  alphabet: number,
): Uint8Array<ArrayBuffer> {
  const decoder = new RansDecoder(bytes);
  const symbols = new Uint8Array(count);
  const upper = new AdaptiveTables(classes);
  const lower = alphabet > 16 ? new AdaptiveTables(classes * 16) : undefined;
  for (let i = 0; i < count; i++) {
    const context = own?.[i] ?? 0;
    let symbol = upper.decode(decoder, context);
    if (lower !== undefined) symbol = symbol * 16 + lower.decode(decoder, context * 16 + symbol);
    if (symbol >= alphabet) throw damaged('holds a symbol beyond its alphabet');
    symbols[i] = symbol;
  }
  decoder.end();
  return symbols;
}
