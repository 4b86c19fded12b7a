import { elementCount } from '@cutpoint/core';
import { ByteWriter } from '../bytes.js';
import type { ErrorBound } from '../codec.js';
import { type FloatTensor, numbersOf, scatter, take, wordsOf } from '../floats.js';
import type { Kernels } from '../kernels/kernels.js';
import type { SymbolCoder } from '../symbol-coder.js';
import type { Body } from './body.js';
import { largest } from './largest.js';
import { type Places, readPlaces, writePlaces } from './positions.js';

/** Places of a tensor: one choice or several, of which that with the shortest payload is taken. */
export type Choice = (tensor: FloatTensor) => readonly Places[];

interface Chosen {
  readonly places: Places;
  readonly taken: FloatTensor;
  readonly bytes: Uint8Array;
}

/**
 * A body for the elements at the chosen places alone, in a row; the others come back as 0. Where all are chosen, the
 * body carries the tensor in its shape.
 */
export function filteredBody(choose: Choice, body: Body, kernels: Kernels, coder: SymbolCoder | undefined): Body {
  const writeWith = (tensor: FloatTensor, chosen: Places): Chosen => {
    const count = elementCount(tensor.shape);
    const places = chosen === 'all' || chosen.length === count ? 'all' : chosen;
    const taken = places === 'all' ? tensor : take(tensor, places);
    const to = new ByteWriter();
    writePlaces(to, places, count, coder);
    body.write(taken, to);
    return { places, taken, bytes: to.written() };
  };
  const shortest = (tensor: FloatTensor): Chosen =>
    choose(tensor)
      .map((places) => writeWith(tensor, places))
      .reduce((best, other) => (other.bytes.length < best.bytes.length ? other : best));
  return {
    write: (tensor, out) => out.bytes(shortest(tensor).bytes),
    read: (type, from) => {
      const count = elementCount(type.shape);
      const places = readPlaces(from, count, coder);
      if (places === 'all' || places.length === count) return body.read(type, from);
      return scatter(body.read({ ...type, shape: [places.length] }, from), places, type);
    },
    bound: (tensor) => {
      const { places, taken } = shortest(tensor);
      return withLost(numbersOf(tensor, kernels), places, body.bound(taken));
    },
  };
}

/** The bound of a tensor from that of the elements at some places, the others being lost. */
function withLost(values: Float32Array | Float64Array, places: Places, bound: ErrorBound): ErrorBound {
  if (places === 'all') return bound;
  const lost = Float64Array.from(values);
  for (const place of places) lost[place] = 0;
  if (bound.kind === 'exact' && lost.every((x) => Object.is(x, 0))) return bound;
  if (bound.kind === 'norm') {
    const squares = lost.reduce((sum, x) => sum + x * x, 0);
    return { kind: 'norm', most: Math.sqrt(squares + bound.most ** 2) * (1 + 2 ** -20) };
  }
  const most = lost.map((x) => Math.abs(x));
  if (bound.kind === 'element') for (const [i, place] of places.entries()) most[place] = bound.most[i] ?? 0;
  return { kind: 'element', most };
}

/** `sparse`: the places whose element is not +0, bit for bit; or all, should that be shorter. */
export const chooseNonZero: Choice = (tensor) => {
  const places = nonZero(tensor);
  return places.length === elementCount(tensor.shape) ? ['all'] : [places, 'all'];
};

function nonZero(tensor: FloatTensor): Uint32Array<ArrayBuffer> {
  const count = elementCount(tensor.shape);
  const words = wordsOf(tensor);
  const each = words.length / Math.max(1, count);
  const places = new Uint32Array(count);
  let taken = 0;
  for (let i = 0, word = 0; i < count; i++) {
    let any = 0;
    for (const end = word + each; word < end; word++) any |= words[word] as number;
    if (any !== 0) places[taken++] = i;
  }
  return places.slice(0, taken);
}

/**
 * `topk`: the ceil(keep * elements) places of the largest magnitudes, among equals the first; but always those of all that
 * is infinite or no number, as it must not get lost.
 */
export function chooseLargest(keep: number, kernels: Kernels): Choice {
  return (tensor) => {
    const magnitudes = magnitudesOf(numbersOf(tensor, kernels));
    let endless = 0;
    for (let i = 0; i < magnitudes.length; i++) if (magnitudes[i] === Infinity) endless++;
    const count = Math.max(Math.ceil(keep * magnitudes.length), endless);
    const places = new Uint32Array(count);
    if (count === 0) return [places];
    const least = largest(magnitudes, count);
    let equals = count;
    for (let i = 0; i < magnitudes.length; i++) if ((magnitudes[i] as number) > least) equals--;
    let taken = 0;
    for (let i = 0; i < magnitudes.length && taken < count; i++) {
      const magnitude = magnitudes[i] as number;
      if (magnitude > least || (magnitude === least && equals-- > 0)) places[taken++] = i;
    }
    return [places];
  };
}

/** Infinite for what is no number. */
function magnitudesOf(numbers: Float32Array | Float64Array): Float64Array<ArrayBuffer> {
  const magnitudes = new Float64Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const x = numbers[i] as number;
    magnitudes[i] = Number.isFinite(x) ? Math.abs(x) : Infinity;
  }
  return magnitudes;
}
