/** A whole number from 0 to below its argument. */
export type Random = (below: number) => number;

/** Numbers from 0 to 2^32 - 1, the same each time for a seed (Marsaglia's xorshift, 2003). */
export function randomFrom(seed: number): Random {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A seed for one case of many, so that it can be tried again without those before it (FNV-1a, then mixed as in MurmurHash3). */
export function seedOf(seed: number, name: string, index: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const text of [name, String(index)]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** One of a list that is not empty. */
export function pick<T>(list: readonly T[], random: Random): T {
  return list[random(list.length)] as T; // the index is below the length
}

type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const edges = [0, 1, 0x7f, 0x80, 0xc1, 0xdf, 0xfe, 0xff];

const mutations: readonly Mutation[] = [
  (bytes, random) => changed(bytes, random(bytes.length), (byte) => byte ^ (1 << random(8))),
  (bytes, random) => changed(bytes, random(bytes.length), () => random(256)),
  (bytes, random) => changed(bytes, random(bytes.length), () => pick(edges, random)),
  (bytes, random) => bytes.slice(0, random(bytes.length)),
  (bytes, random) => {
    const at = random(bytes.length + 1);
    const more = Uint8Array.from({ length: 1 + random(8) }, () => random(256));
    return joined(bytes.subarray(0, at), more, bytes.subarray(at));
  },
  (bytes, random) => {
    const at = random(bytes.length);
    return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random(8)));
  },
  // What other of the same kind goes on with, or the same again.
  (bytes, random, other) => joined(bytes.subarray(0, random(bytes.length)), other.subarray(random(other.length))),
  (bytes, random) => {
    const at = random(bytes.length);
    return joined(bytes.subarray(0, at), bytes.subarray(random(at + 1)));
  },
  (bytes, random) => {
    const at = random(bytes.length);
    const number = numbers(random);
    return joined(bytes.subarray(0, at), number, bytes.subarray(at + number.length));
  },
];

/** A number of 2, 4 or 8 bytes at one of the ends of its range, as a length may be. */
function numbers(random: Random): Uint8Array {
  const length = pick([2, 4, 8], random);
  const bytes = new Uint8Array(length).fill(pick([0, 0xff], random));
  bytes[random(2) === 0 ? 0 : length - 1] = pick(edges, random);
  return bytes;
}

function changed(bytes: Uint8Array, at: number, to: (byte: number) => number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = to(copy[at] ?? 0);
  return copy;
}

/** Bytes that follow one another, in memory of their own. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Bytes after one change or a few: flipped, cut, put in, taken out, repeated, or continued with those of another. */
export function mutant(bytes: Uint8Array, random: Random, other: Uint8Array = bytes): Uint8Array {
  let result = bytes;
  for (let left = 1 + (random(3) === 0 ? random(4) : 0); left > 0; left--) {
    if (result.length === 0) return Uint8Array.of(random(256));
    result = pick(mutations, random)(result, random, other.length === 0 ? result : other);
  }
  return result;
}

const mostPieces = 24;

/** The bytes in pieces as a network might deliver them, each in memory of its own. */
export function pieces(bytes: Uint8Array, random: Random): Uint8Array[] {
  const list: Uint8Array[] = [];
  const longest = pick([1, 3, 17, 100, 1 + bytes.length], random);
  let at = 0;
  for (let left = random(mostPieces); left > 0 && at < bytes.length; left--) {
    const length = 1 + random(longest);
    list.push(bytes.slice(at, at + length));
    at += length;
  }
  list.push(bytes.slice(at));
  return list;
}

/** Plain data: what JSON and msgpack carry. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

const odd: readonly ((random: Random) => Plain)[] = [
  () => null,
  (random) => random(2) === 0,
  (random) =>
    pick([0, -1, 1, 0.5, -0.5, 255, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e300, 5e-324], random),
  (random) => random(2 ** 32),
  (random) =>
    pick(['', 'x', '__proto__', 'constructor', 'toString', '\u0000', '\ud800', '../..', '#', '+', '/'], random),
  (random) => 'a'.repeat(pick([63, 64, 65, 512, 513, 2001, 5000], random)),
  () => [],
  () => ({}),
  (random) => new Array<Plain>(pick([16, 17, 64, 65, 1001], random)).fill(pick([0, '', null], random)),
  (random) => nested(pick([3, 17, 40], random)),
  () => JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as Plain,
];

function nested(depth: number): Plain {
  return depth === 0 ? {} : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) };
}

/** Data with one part or a few replaced, removed, doubled or added: what a sender of another mind would write. */
export function mutantOf(value: Plain, random: Random, other: Plain = value): Plain {
  let result = value;
  for (let left = 1 + (random(3) === 0 ? random(3) : 0); left > 0; left--) result = withChange(result, random, other);
  return result;
}

function withChange(value: Plain, random: Random, other: Plain): Plain {
  if (typeof value !== 'object' || value === null || random(8) === 0) return instead(value, random, other);
  if (Array.isArray(value)) return withChangeIn(value as readonly Plain[], random, other);
  const entries = Object.entries(value as Record<string, Plain>);
  const at = random(entries.length + 1);
  const [key, part] = entries[at] ?? [pick(['', 'x', 'constructor', 'length'], random), 0];
  const how = random(8);
  if (how === 0) entries.splice(at, 1);
  else if (how === 1) entries[at] = [pick(['__proto__', 'toString', `${key} `], random), part];
  else entries[at] = [key, withChange(part, random, other)];
  return Object.fromEntries(entries);
}

function withChangeIn(list: readonly Plain[], random: Random, other: Plain): Plain {
  const copy = [...list];
  const at = random(copy.length + 1);
  const how = random(8);
  if (how === 0) copy.splice(at, 1);
  else if (how === 1) copy.splice(at, 0, copy[at] ?? 0);
  else copy[at] = withChange(copy[at] ?? null, random, other);
  return copy;
}

function instead(value: Plain, random: Random, other: Plain): Plain {
  if (typeof value === 'string' && random(2) === 0) return changedText(value, random);
  if (typeof value === 'number' && random(2) === 0) return value + pick([1, -1, 0.5, 2 ** 32], random);
  return random(6) === 0 ? other : pick(odd, random)(random);
}

function changedText(text: string, random: Random): string {
  const at = random(text.length + 1);
  const more = pick(['', 'a', '0', '/', '_', ' ', 'é', '💥', '\u0000'], random);
  return text.slice(0, at) + more + text.slice(at + random(2));
}
