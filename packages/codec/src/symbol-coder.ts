import { decodeSymbols, encodeSymbols, type SymbolLayout } from './entropy/symbols.js';

/** An entropy coder for arrays of small symbols: what `+rans` adds to a codec. */
export interface SymbolCoder {
  encode(symbols: Uint8Array, layout: SymbolLayout): Uint8Array;
  /** @throws CutpointError CUT_CODEC_PAYLOAD if the bytes are not what `encode` made for this layout. */
  decode(bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer>;
}

export const ransCoder: SymbolCoder = { encode: encodeSymbols, decode: decodeSymbols };
