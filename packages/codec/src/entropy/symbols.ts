import { CutpointError } from '@cutpoint/core';
import { AdaptiveTables } from './adaptive.js';
import { RansDecoder, RansEncoder } from './rans.js';
import { SentTables } from './sent-table.js';
import type { StaticTable } from './table.js';

/** What both ends know of an array of symbols before it is coded. */
export interface SymbolLayout {
  /** How many symbols there are. */
  readonly count: number;
  /** Symbols are below this; 2 to 256. */
  readonly alphabet: number;
  /** Which of `contexts` each symbol belongs to, such as its channel; symbols of one context should be alike. */
  readonly contextOf?: Uint16Array;
  /** How many contexts there are; 1 where there is no `contextOf`. */
  readonly contexts?: number;
  /** Tables that both ends hold already, one for each context. */
  readonly tables?: readonly StaticTable[];
}

/** How the symbols were coded: the first byte. */
const methods = ['verbatim', 'given', 'sent', 'sentByContext', 'adaptive', 'adaptiveByContext'] as const;
type Method = (typeof methods)[number];

/** Learning symbol by symbol is slow: it is tried up to this many, beyond which sent tables cost little anyway. */
const mostLearnt = 1 << 15;

/**
 * Codes symbols by whichever is smallest: tables that both ends hold, tables sent along, tables that learn, each with and
 * without contexts, or the symbols as they are. The first byte says which.
 * @throws CutpointError CUT_INTERNAL if the symbols do not fit the layout.
 */
export function encodeSymbols(symbols: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  checkLayout(layout);
  if (symbols.length !== layout.count || symbols.some((symbol) => symbol >= layout.alphabet)) {
    throw new CutpointError(
      'CUT_INTERNAL',
      `Symbols do not fit their layout of ${layout.count} below ${layout.alphabet}.`,
    );
  }
  let best = withMethod('verbatim', symbols);
  for (const method of candidates(symbols, layout)) {
    const coded = withMethod(method, codeBy(method, symbols, layout));
    if (coded.length < best.length) best = coded;
  }
  return best;
}

/**
 * The symbols that `encodeSymbols` was given.
 * @throws CutpointError CUT_CODEC_PAYLOAD if the bytes are not what it made for this layout.
 */
export function decodeSymbols(bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  checkLayout(layout);
  const method = methods[bytes[0] ?? methods.length];
  const body = bytes.subarray(1);
  if (method === undefined) throw damaged('names no known way of coding');
  if (method === 'verbatim') {
    if (body.length !== layout.count || body.some((symbol) => symbol >= layout.alphabet)) throw damaged('does not fit');
    return body.slice();
  }
  const decoder = new RansDecoder(body);
  const symbols = new Uint8Array(layout.count);
  if (method === 'given') decodeBy(decoder, symbols, layout, givenTables(layout));
  else if (method === 'sent') decodeBy(decoder, symbols, alone(layout), readTables(decoder, alone(layout)));
  else if (method === 'sentByContext') decodeBy(decoder, symbols, layout, readTables(decoder, layout));
  else decodeLearning(decoder, symbols, method === 'adaptive' ? alone(layout) : layout);
  decoder.end();
  return symbols;
}

/** The same layout, as if all symbols were alike. */
function alone({ count, alphabet }: SymbolLayout): SymbolLayout {
  return { count, alphabet };
}

function withMethod(method: Method, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = methods.indexOf(method);
  bytes.set(body, 1);
  return bytes;
}

function candidates(symbols: Uint8Array, layout: SymbolLayout): Method[] {
  const chosen: Method[] = layout.tables === undefined ? [] : ['given'];
  const learns = symbols.length <= mostLearnt;
  const split = layout.contextOf !== undefined;
  const sentSplit = split && sentBits(symbols, layout) < sentBits(symbols, alone(layout));
  chosen.push(sentSplit ? 'sentByContext' : 'sent');
  if (learns) chosen.push('adaptive');
  if (learns && split) chosen.push('adaptiveByContext');
  return chosen;
}

function codeBy(method: Method, symbols: Uint8Array, layout: SymbolLayout): Uint8Array {
  const encoder = new RansEncoder();
  if (method === 'given') encodeBy(encoder, symbols, layout, givenTables(layout));
  else if (method === 'sent') encodeBy(encoder, symbols, alone(layout), writeTables(encoder, symbols, alone(layout)));
  else if (method === 'sentByContext') encodeBy(encoder, symbols, layout, writeTables(encoder, symbols, layout));
  else encodeLearning(encoder, symbols, method === 'adaptive' ? alone(layout) : layout);
  return encoder.finish();
}

type Tables = readonly (StaticTable | undefined)[];

function encodeBy(encoder: RansEncoder, symbols: Uint8Array, { contextOf }: SymbolLayout, tables: Tables): void {
  for (let i = 0; i < symbols.length; i++) tables[contextOf?.[i] ?? 0]?.encode(encoder, symbols[i] ?? 0);
}

function decodeBy(
  decoder: RansDecoder,
  symbols: Uint8Array,
  { contextOf, alphabet }: SymbolLayout,
  tables: Tables,
): void {
  for (let i = 0; i < symbols.length; i++) {
    const table = tables[contextOf?.[i] ?? 0];
    if (table === undefined || table.symbols > alphabet) throw damaged('lacks a table');
    symbols[i] = table.decode(decoder);
  }
}

function writeTables(encoder: RansEncoder, symbols: Uint8Array, layout: SymbolLayout): Tables {
  const sent = new SentTables();
  return countsOf(symbols, layout).map((counts) => sent.write(encoder, counts));
}

function readTables(decoder: RansDecoder, { contexts, alphabet }: SymbolLayout): Tables {
  const sent = new SentTables();
  return Array.from({ length: contexts ?? 1 }, () => sent.read(decoder, alphabet));
}

function givenTables({ tables, contexts = 1, alphabet }: SymbolLayout): Tables {
  if (tables?.length === contexts && tables.every((table) => table.symbols === alphabet)) return tables;
  throw damaged('needs tables that are not here');
}

/** Symbols above 15 go as two halves, the lower one in the context of the upper one. */
function encodeLearning(encoder: RansEncoder, symbols: Uint8Array, layout: SymbolLayout): void {
  const { contextOf, contexts = 1, alphabet } = layout;
  const upper = new AdaptiveTables(contexts);
  const lower = alphabet > 16 ? new AdaptiveTables(contexts * 16) : undefined;
  for (let i = 0; i < symbols.length; i++) {
    const context = contextOf?.[i] ?? 0;
    const symbol = symbols[i] ?? 0;
    upper.encode(encoder, context, lower === undefined ? symbol : symbol >> 4);
    lower?.encode(encoder, context * 16 + (symbol >> 4), symbol & 15);
  }
}

function decodeLearning(decoder: RansDecoder, symbols: Uint8Array, layout: SymbolLayout): void {
  const { contextOf, contexts = 1, alphabet } = layout;
  const upper = new AdaptiveTables(contexts);
  const lower = alphabet > 16 ? new AdaptiveTables(contexts * 16) : undefined;
  for (let i = 0; i < symbols.length; i++) {
    const context = contextOf?.[i] ?? 0;
    let symbol = upper.decode(decoder, context);
    if (lower !== undefined) symbol = symbol * 16 + lower.decode(decoder, context * 16 + symbol);
    if (symbol >= alphabet) throw damaged('holds a symbol beyond its alphabet');
    symbols[i] = symbol;
  }
}

function countsOf(symbols: Uint8Array, { contextOf, contexts = 1, alphabet }: SymbolLayout): Uint32Array[] {
  const counts = Array.from({ length: contexts }, () => new Uint32Array(alphabet));
  for (let i = 0; i < symbols.length; i++) {
    const own = counts[contextOf?.[i] ?? 0];
    const symbol = symbols[i] ?? 0;
    if (own !== undefined) own[symbol] = (own[symbol] ?? 0) + 1;
  }
  return counts;
}

/** About how many bits sent tables and the symbols under them take. */
function sentBits(symbols: Uint8Array, layout: SymbolLayout): number {
  let bits = 0;
  for (const counts of countsOf(symbols, layout)) {
    const total = counts.reduce((sum, count) => sum + count, 0);
    for (const count of counts) if (count > 0) bits += 6 + count * Math.log2(total / count);
  }
  return bits;
}

function checkLayout({ count, alphabet, contextOf, contexts = 1 }: SymbolLayout): void {
  const fits = alphabet >= 2 && alphabet <= 256 && contexts >= 1 && contexts <= 1 << 16;
  if (fits && (contextOf === undefined ? contexts === 1 : contextOf.length === count)) {
    if (contextOf?.every((context) => context < contexts) ?? true) return;
  }
  throw new CutpointError('CUT_INTERNAL', `A layout of ${count} symbols below ${alphabet} is inconsistent.`);
}

function damaged(what: string): CutpointError {
  return new CutpointError('CUT_CODEC_PAYLOAD', `A coded array of symbols ${what}: send the tensor again.`);
}
