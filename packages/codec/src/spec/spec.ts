import { CutpointError } from '@cutpoint/core';
import { type BaseName, bases, type FilterName, filters, type Key, type Keys } from './vocabulary.js';

/** A codec or filter with the values of its keys. */
export interface SpecPart<N extends string> {
  readonly name: N;
  readonly values: ReadonlyMap<string, number | string>;
}

/** How a tensor becomes bytes, in words: `[filter+]...codec[:key=value,...][+rans]`. */
export interface CodecSpec {
  /** In the order in which they are applied, each at most once. */
  readonly filters: readonly SpecPart<FilterName>[];
  readonly base: SpecPart<BaseName>;
  /** Whether an entropy stage follows. */
  readonly entropy: boolean;
}

/** Most characters of a spec. */
export const maxSpecLength = 256;

/**
 * Reads a spec such as `topk:keep=0.1+affine:bits=8+rans`. Keys may come in any order, once each; those that are left away
 * have their standard values.
 * @throws CutpointError CUT_USAGE that names what is known where something is not.
 */
export function parseSpec(text: string): CodecSpec {
  if (text.length > maxSpecLength) throw wrong(`A codec may take ${maxSpecLength} characters, not ${text.length}.`);
  const parts = text.split('+');
  const entropy = parts.length > 1 && parts.at(-1) === 'rans';
  const last = entropy ? -2 : -1;
  const base = parseBase(parts.at(last) ?? '');
  const before = parts.slice(0, last).map((part) => parsePart(part, 'filter', filters));
  const names = before.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw wrong(`The codec "${text}" has the filter ${twice} twice.`);
  if (names.indexOf('delta') > 0) throw wrong(`In the codec "${text}" delta has to be the first filter.`);
  return { filters: before, base, entropy };
}

/** The one text of a spec: all keys that have a value, in their order. `parseSpec` reads the same spec back. */
export function printSpec({ filters: before, base, entropy }: CodecSpec): string {
  return [
    ...before.map((part) => printPart(part, filters[part.name])),
    printPart(base, bases[base.name]),
    ...(entropy ? ['rans'] : []),
  ].join('+');
}

/**
 * Splits a list of specs at its commas, but not at those between keys: `affine:bits=4,per=token,raw` are two.
 * @example splitSpecs('raw,ts-tabq:delta=1e-3,max=8+rans') // ['raw', 'ts-tabq:delta=1e-3,max=8+rans']
 */
export function splitSpecs(text: string): string[] {
  const specs: string[] = [];
  for (const part of text.split(',')) {
    // Only a key is followed by "=" at once.
    if (specs.length > 0 && /^\s*[a-z]+=/.test(part)) specs.push(`${specs.pop()},${part.trim()}`);
    else specs.push(part.trim());
  }
  return specs;
}

function parseBase(text: string): SpecPart<BaseName> {
  const [name = ''] = text.split(':');
  if (isKey(filters, name)) throw wrong(`${name} stands before a codec, as in ${text}+f16.`);
  if (name === 'image') {
    throw wrong('Pictures (image) can be the input of eval and calibrate alone: choose a codec of tensors here.');
  }
  return parsePart(text, 'codec', bases);
}

function parsePart<N extends string>(
  text: string,
  what: 'codec' | 'filter',
  known: Readonly<Record<N, Keys>>,
): SpecPart<N> {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  if (!isKey(known, name)) {
    const stages = what === 'codec' ? ', before which may stand delta+, topk+ and sparse+, and behind it +rans' : '';
    throw wrong(`There is no ${what} "${name}"; there are ${Object.keys(known).join(', ')}${stages}.`);
  }
  const keys: Keys = known[name];
  const given = colon < 0 ? new Map<string, string>() : readPairs(name, text.slice(colon + 1), keys);
  const values = new Map<string, number | string>();
  for (const [key, of] of Object.entries(keys)) {
    const raw = given.get(key);
    const value = raw === undefined ? of.standard : readValue(`${name}:${key}`, raw, of);
    if (value !== undefined) values.set(key, value);
    else if (of.required) throw wrong(`The ${what} ${name} needs ${key}: ${name}:${key}=...`);
  }
  return { name, values };
}

function readPairs(name: string, text: string, keys: Keys): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const pair of text.split(',')) {
    const [, key, value] = /^([^=]*)=(.*)$/.exec(pair) ?? [];
    if (key === undefined || value === undefined || !isKey(keys, key)) {
      const known = Object.keys(keys);
      const has = known.length === 0 ? 'it has none' : `its keys are ${known.join(', ')}`;
      throw wrong(`"${pair}" sets no key of ${name}; ${has}.`);
    }
    if (pairs.has(key)) throw wrong(`${name} has the key ${key} twice.`);
    pairs.set(key, value);
  }
  return pairs;
}

function readValue(where: string, text: string, of: Key): number | string {
  if (of.kind === 'choice') {
    if (of.of.includes(text)) return text;
    throw wrong(`${where} is one of ${of.of.join(', ')}, not "${text}".`);
  }
  if (of.kind === 'name') {
    if (/^[A-Za-z0-9._-]{1,128}$/.test(text)) return text;
    throw wrong(`${where} is a name of letters, digits, ".", "_" and "-", not "${text}".`);
  }
  const value = Number(text);
  const fits = value >= of.min && value <= of.max && (of.whole !== true || Number.isInteger(value));
  if (/^\d*\.?\d+(e-?\d+)?$/.test(text) && fits) return value;
  throw wrong(`${where} is a ${of.whole ? 'whole ' : ''}number from ${of.min} to ${of.max}, not "${text}".`);
}

function printPart({ name, values }: SpecPart<string>, keys: Keys): string {
  const pairs = Object.keys(keys).flatMap((key) => {
    const value = values.get(key);
    return value === undefined ? [] : [`${key}=${String(value).replace('e+', 'e')}`];
  });
  return pairs.length === 0 ? name : `${name}:${pairs.join(',')}`;
}

function isKey<N extends string>(record: Readonly<Record<N, unknown>>, name: string): name is N {
  return Object.hasOwn(record, name);
}

function wrong(message: string): CutpointError {
  return new CutpointError('CUT_USAGE', message);
}
