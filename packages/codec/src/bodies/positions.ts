import { ByteReader, ByteWriter, damaged } from '../bytes.js';
import type { SymbolCoder } from '../symbol-coder.js';
import { type Records, readBytes, writeBytes } from './coded-bytes.js';

/** Gaps and bits stand in a row, a byte each. */
const single: Records = { bytes: 1, row: 1 };

/** Ascending, or all that there are: these need no list, which a few bytes could make long. */
export type Places = Uint32Array<ArrayBuffer> | 'all';

/** How places are written; the first byte says which. */
const forms = ['all', 'gaps', 'bitmap'] as const;

/**
 * Writes which of `count` places are taken: all, the gaps between them or a bit for each, whichever is smallest.
 */
export function writePlaces(out: ByteWriter, places: Places, count: number, coder: SymbolCoder | undefined): void {
  if (places === 'all' || places.length === count) {
    out.u8(0);
    return;
  }
  const gaps = inForm(1, (to) => writeGaps(to, places, coder));
  // A gap takes a byte at least, before it is coded.
  const dense = coder !== undefined || places.length * 8 > count;
  const bitmap = dense ? inForm(2, (to) => writeBytes(to, bitsOf(places, count), single, coder)) : undefined;
  out.bytes(bitmap !== undefined && bitmap.length < gaps.length ? bitmap : gaps);
}

/** What `writePlaces` wrote. @throws CutpointError CUT_CODEC_PAYLOAD if a place is not below `count`. */
export function readPlaces(body: ByteReader, count: number, coder: SymbolCoder | undefined): Places {
  const form = forms[body.u8()];
  if (form === 'all') return 'all';
  if (form === 'gaps') return readGaps(body, count, coder);
  if (form === 'bitmap') return placesOf(readBytes(body, Math.ceil(count / 8), single, coder), count);
  throw damaged('tells places in an unknown form');
}

function inForm(form: number, write: (to: ByteWriter) => void): Uint8Array {
  const to = new ByteWriter();
  to.u8(form);
  write(to);
  return to.written();
}

/** Writes how many places there are, and before each how many are free since the last. */
export function writeGaps(out: ByteWriter, places: Uint32Array, coder: SymbolCoder | undefined): void {
  out.varint(places.length);
  if (places.length === 0) return;
  if (coder === undefined) {
    addGaps(out, places);
    return;
  }
  const gaps = new ByteWriter();
  addGaps(gaps, places);
  out.varint(gaps.length);
  writeBytes(out, gaps.written(), single, coder);
}

function addGaps(to: ByteWriter, places: Uint32Array): void {
  let next = 0;
  for (const place of places) {
    to.varint(place - next);
    next = place + 1;
  }
}

/** Most bytes of the gaps before so many places: all gaps are no more than what is free, and a byte more takes 128 of that. */
function mostGapBytes(taken: number, count: number): number {
  return taken + Math.floor((count - taken) / 128);
}

/** What `writeGaps` wrote. @throws CutpointError CUT_CODEC_PAYLOAD if a place is not below `count`. */
export function readGaps(body: ByteReader, count: number, coder: SymbolCoder | undefined): Uint32Array<ArrayBuffer> {
  const taken = body.varint(count);
  if (taken === 0) return new Uint32Array(0);
  const coded = coder && readBytes(body, body.varint(mostGapBytes(taken, count)), single, coder);
  const gaps = coded === undefined ? body : new ByteReader(coded);
  // Each takes a byte at least, so that there is no room made for more places than there can be.
  if (taken > gaps.left) throw damaged('is cut short');
  const places = new Uint32Array(taken);
  let next = 0;
  for (let i = 0; i < taken; i++) {
    const place = next + gaps.varint(count);
    if (place >= count) throw damaged('tells a place beyond the tensor');
    places[i] = place;
    next = place + 1;
  }
  if (coded !== undefined) gaps.end();
  return places;
}

function bitsOf(places: Uint32Array, count: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (const place of places) bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
  return bits;
}

function placesOf(bits: Uint8Array, count: number): Uint32Array<ArrayBuffer> {
  const places = new Uint32Array(count);
  let taken = 0;
  for (let place = 0; place < count; place++) {
    if ((((bits[place >> 3] ?? 0) >> (place & 7)) & 1) === 1) places[taken++] = place;
  }
  return places.slice(0, taken);
}
