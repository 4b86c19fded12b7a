import { elementCount } from '@cutpoint/core';
import { ByteWriter } from '../bytes.js';
import type { ErrorBound } from '../codec.js';
import { type FloatTensor, numbersOf, scatter, take } from '../floats.js';
import type { Kernels } from '../kernels/kernels.js';
import type { SymbolCoder } from '../symbol-coder.js';
import type { Body } from './body.js';
import { everyPlace, readPlaces, writePlaces } from './positions.js';

/** Places of a tensor, ascending: one choice or several, of which that with the shortest payload is taken. */
export type Choice = (tensor: FloatTensor) => readonly Uint32Array<ArrayBuffer>[];

interface Chosen {
  readonly places: Uint32Array<ArrayBuffer>;
  readonly taken: FloatTensor;
  readonly bytes: Uint8Array;
}

/**
 * A body for the elements at the chosen places alone, in a row; the others come back as 0. Where all are chosen, the
 * body carries the tensor in its shape.
 */
export function filteredBody(choose: Choice, body: Body, kernels: Kernels, coder: SymbolCoder | undefined): Body {
  const writeWith = (tensor: FloatTensor, places: Uint32Array<ArrayBuffer>): Chosen => {
    const count = elementCount(tensor.shape);
    const taken = places.length === count ? tensor : take(tensor, places);
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
      if (places.length === count) return body.read(type, from);
      return scatter(body.read({ ...type, shape: [places.length] }, from), places, type);
    },
    bound: (tensor) => {
      const { places, taken } = shortest(tensor);
      return withLost(numbersOf(tensor, kernels), places, body.bound(taken));
    },
  };
}

/** The bound of a tensor from that of the elements at some places, the others being lost. */
function withLost(values: Float32Array | Float64Array, places: Uint32Array, bound: ErrorBound): ErrorBound {
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
  const all = elementCount(tensor.shape);
  return places.length === all ? [places] : [places, everyPlace(all)];
};

function nonZero(tensor: FloatTensor): Uint32Array<ArrayBuffer> {
  const count = elementCount(tensor.shape);
  const size = tensor.data.length / Math.max(1, count);
  const places = new Uint32Array(count);
  let taken = 0;
  for (let i = 0; i < count; i++) {
    let any = 0;
    for (let byte = 0; byte < size; byte++) any |= tensor.data[i * size + byte] ?? 0;
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
    const magnitudes = Float64Array.from(numbersOf(tensor, kernels), (x) =>
      Number.isFinite(x) ? Math.abs(x) : Infinity,
    );
    const endless = magnitudes.reduce((count, magnitude) => count + (magnitude === Infinity ? 1 : 0), 0);
    const count = Math.max(Math.ceil(keep * magnitudes.length), endless);
    const places = new Uint32Array(count);
    if (count === 0) return [places];
    const least = magnitudes.slice().sort()[magnitudes.length - count] ?? 0;
    let equals = count - magnitudes.reduce((above, magnitude) => above + (magnitude > least ? 1 : 0), 0);
    let taken = 0;
    for (let i = 0; i < magnitudes.length && taken < count; i++) {
      const magnitude = magnitudes[i] ?? 0;
      if (magnitude > least || (magnitude === least && equals-- > 0)) places[taken++] = i;
    }
    return [places];
  };
}
