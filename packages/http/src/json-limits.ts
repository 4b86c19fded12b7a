import { Refusal } from './refusal.js';

/** Parsed JSON takes far more memory than its text: what a text may hold is counted before it is parsed. */
export interface JsonLimits {
  readonly maxDepth: number;
  /** Most values in all. */
  readonly maxValues: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openers = new Set([0x5b, 0x7b]);
const closers = new Set([0x5d, 0x7d]);
/** 1: quote, 2: comma, 3: opens, 4: closes, 0: anything else. A table, as each byte of a large body passes here. */
const kinds = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === quote) return 1;
  if (byte === comma) return 2;
  if (openers.has(byte)) return 3;
  return closers.has(byte) ? 4 : 0;
});

/**
 * Counts depth and values of a JSON text without parsing it.
 * @throws Refusal 413 beyond the limits. A text that is no JSON may pass: parsing tells.
 */
export function checkJson(text: Uint8Array, { maxDepth, maxValues }: JsonLimits): void {
  let depth = 0;
  let values = 1;
  for (let i = 0; i < text.length; i++) {
    const kind = kinds[text[i] ?? 0];
    if (kind === 0) continue;
    if (kind === 1) i = endOfString(text, i + 1);
    else if (kind === 2) values += 1;
    else if (kind === 3) {
      depth += 1;
      values += 1;
      if (depth > maxDepth) throw tooLarge(`is nested deeper than ${maxDepth}`);
    } else depth -= 1;
    if (values > maxValues) throw tooLarge(`holds more than ${maxValues} values; send large tensors as binary data`);
  }
}

function endOfString(text: Uint8Array, from: number): number {
  let i = from;
  while (i < text.length && text[i] !== quote) i += text[i] === backslash ? 2 : 1;
  return i;
}

function tooLarge(what: string): Refusal {
  return new Refusal(413, 'CUT_HTTP', `The JSON of the request ${what}.`);
}
