import type { SymbolLayout } from './entropy/layout.js';
import { decodeSymbols, encodeSymbols } from './entropy/symbols.js';
import type { Kernels } from './kernels/kernels.js';

/** An entropy coder for arrays of small symbols: what `+rans` adds to a codec. */
export interface SymbolCoder {
  encode(symbols: Uint8Array, layout: SymbolLayout): Uint8Array;
  /** @throws CutpointError CUT_CODEC_PAYLOAD if the bytes are not what `encode` made for this layout. */
  decode(bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer>;
}

export function ransCoder(kernels: Kernels): SymbolCoder {
  return {
    encode: (symbols, layout) => encodeSymbols(symbols, layout, kernels),
    decode: (bytes, layout) => decodeSymbols(bytes, layout, kernels),
  };
}
