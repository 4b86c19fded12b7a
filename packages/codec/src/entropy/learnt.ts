import { ByteReader, damaged } from '../bytes.js';
import { AdaptiveTables } from './adaptive.js';
import { bitsOf } from './fixed.js';
import type { SymbolLayout } from './layout.js';
import { withMethod } from './methods.js';
import { RansDecoder, RansEncoder } from './rans.js';

/** Bits of a plain symbol, in 1/256. */
const plainBits = 8 * 256;

/**
 * Codes symbols under distributions, one for each class, that learn from them. Symbols above 15 go as two halves, the lower
 * one in the context of the upper one. Where symbols take the classes in turn, classes that would not get shorter, such as the
 * last bytes of numbers, go as they are, which takes less time: their symbols come first, class by class, behind a byte with
 * a bit for each class. Before all is the byte of the method.
 */
export function encodeLearning(symbols: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  const { own, classes, alphabet } = layout;
  const encoder = new RansEncoder();
  const upper = new AdaptiveTables(classes);
  const lower = alphabet > 16 ? new AdaptiveTables(classes * 16) : undefined;
  const plain = plainClasses(symbols, layout);
  for (let i = 0; i < symbols.length; i++) {
    const context = own === undefined ? i % classes : (own[i] as number);
    if (plain.includes(context)) continue;
    const symbol = symbols[i] ?? 0;
    upper.encode(encoder, context, lower === undefined ? symbol : symbol >> 4);
    lower?.encode(encoder, context * 16 + (symbol >> 4), symbol & 15);
  }
  const head = mayBePlain(layout) ? [plain.reduce((bits, own) => bits | (1 << own), 0)] : [];
  for (const own of plain) head.push(...ofClass(symbols, own, classes));
  return withMethod('learnt', Uint8Array.of(...head, ...encoder.finish()));
}

/** What `encodeLearning` was given. @throws CutpointError CUT_CODEC_PAYLOAD if the bytes are not what it gave. */
export function decodeLearning(bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  const { count, own, classes, alphabet } = layout;
  const body = new ByteReader(bytes.subarray(1));
  const symbols = new Uint8Array(count);
  const plain = mayBePlain(layout) ? classesOf(body.u8(), classes) : [];
  for (const own of plain) for (let i = own; i < count; i += classes) symbols[i] = within(body.u8(), alphabet);
  const decoder = new RansDecoder(body.bytes(body.left));
  const upper = new AdaptiveTables(classes);
  const lower = alphabet > 16 ? new AdaptiveTables(classes * 16) : undefined;
  for (let i = 0; i < count; i++) {
    const context = own === undefined ? i % classes : (own[i] as number);
    if (plain.includes(context)) continue;
    let symbol = upper.decode(decoder, context);
    if (lower !== undefined) symbol = symbol * 16 + lower.decode(decoder, context * 16 + symbol);
    symbols[i] = within(symbol, alphabet);
  }
  decoder.end();
  return symbols;
}

function mayBePlain({ own, classes }: SymbolLayout): boolean {
  return own === undefined && classes > 1;
}

/** The classes that seem to take no fewer bits when they are learnt, ascending. */
function plainClasses(symbols: Uint8Array, layout: SymbolLayout): number[] {
  const { classes, alphabet } = layout;
  if (!mayBePlain(layout)) return [];
  return Array.from({ length: classes }, (_, own) => own).filter((own) => {
    const counts = new Uint32Array(alphabet);
    const some = ofClass(symbols, own, classes);
    for (const symbol of some) counts[symbol] = (counts[symbol] as number) + 1;
    return some.length > 0 && bitsOf(counts, alphabet) >= some.length * plainBits;
  });
}

/** The symbols of a class, where they take them in turn. */
function ofClass(symbols: Uint8Array, own: number, classes: number): Uint8Array {
  return symbols.filter((_, i) => i % classes === own);
}

/** The classes whose bits are set. */
function classesOf(bits: number, classes: number): number[] {
  if (bits >>> classes !== 0) throw damaged('names classes of symbols that there are not');
  return Array.from({ length: classes }, (_, own) => own).filter((own) => ((bits >>> own) & 1) === 1);
}

function within(symbol: number, alphabet: number): number {
  if (symbol >= alphabet) throw damaged('holds a symbol beyond its alphabet');
  return symbol;
}
