import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxSpecLength, parseSpec, printSpec, splitSpecs } from './spec.js';
import { bases, filters, type Key, type Keys } from './vocabulary.js';

function anyValue(key: Key): fc.Arbitrary<string> {
  if (key.kind === 'choice') return fc.constantFrom(...key.of);
  if (key.kind === 'name') return fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/);
  if (key.whole === true) return fc.integer({ min: key.min, max: key.max }).map(String);
  const number = fc.double({ min: key.min, max: key.max, noNaN: true }).map((x) => x + 0);
  return number.map((x) => String(x).replace('e+', 'e'));
}

function partOf(name: string, keys: Keys): fc.Arbitrary<string> {
  const chosen = Object.entries(keys).map(([key, of]) => {
    const pair = anyValue(of).map((value) => `${key}=${value}`);
    return of.required === true ? pair : fc.option(pair, { nil: undefined });
  });
  return fc.tuple(...chosen).map((pairs) => {
    const given = pairs.filter((pair) => pair !== undefined).reverse();
    return given.length === 0 ? name : `${name}:${given.join(',')}`;
  });
}

const anyBase = fc.oneof(...Object.entries(bases).map(([n, keys]) => partOf(n, keys)));
const anyFilters = fc
  .shuffledSubarray(Object.keys(filters).filter((name) => name !== 'delta'))
  .chain((names) => fc.tuple(...names.map((name) => partOf(name, filters[name === 'topk' ? 'topk' : 'sparse']))));
const anySpec = fc
  .tuple(fc.boolean(), anyFilters, anyBase, fc.boolean())
  .map(([delta, before, base, rans]) =>
    [...(delta ? ['delta'] : []), ...before, base, ...(rans ? ['rans'] : [])].join('+'),
  )
  .filter((text) => text.length <= maxSpecLength);

describe('a spec', () => {
  it('is read back from its text as it was, and its text is one', () => {
    fc.assert(
      fc.property(anySpec, (text) => {
        const spec = parseSpec(text);
        const printed = printSpec(spec);
        expect(parseSpec(printed)).toEqual(spec);
        expect(printSpec(parseSpec(printed))).toBe(printed);
      }),
    );
  });

  it('has all keys with their standard values', () => {
    const canonical = (text: string) => printSpec(parseSpec(text));
    expect(canonical('raw')).toBe('raw');
    expect(canonical('affine:per=token')).toBe('affine:bits=8,per=token');
    expect(canonical('ts-tabq:max=8,delta=1e-3+rans')).toBe('ts-tabq:delta=0.001,rho=0.001,max=8,token=position+rans');
    expect(canonical('delta+topk+affine')).toBe('delta+topk:keep=0.1+affine:bits=8,per=tensor');
    expect(canonical('ts-tabq:tau=1e30')).toContain('tau=1e30');
  });

  it.each([
    ['zip', 'There is no codec "zip"; there are raw, f16, bf16, affine, ts-tabq, transform'],
    ['', 'There is no codec ""'],
    ['topk:keep=0.1', 'topk stands before a codec, as in topk:keep=0.1+f16.'],
    ['image', 'Pictures (image) can be the input of eval and calibrate alone'],
    ['rans', 'There is no codec "rans"'],
    ['raw+', 'There is no codec ""'],
    ['blur+raw', 'There is no filter "blur"; there are delta, topk, sparse.'],
    ['toString', 'There is no codec "toString"'],
    ['affine:bits=9', 'affine:bits is a whole number from 2 to 8, not "9".'],
    ['affine:bits=4.5', 'whole number'],
    ['affine:bits=', 'whole number'],
    ['affine:bits=4,bits=4', 'twice'],
    ['affine:depth=4', '"depth=4" sets no key of affine; its keys are bits, per.'],
    ['affine:per=row', 'affine:per is one of tensor, channel, token, not "row".'],
    ['raw:x=1', 'it has none'],
    ['raw:', 'sets no key of raw'],
    ['ts-tabq:delta=Infinity', 'number from 0 to 1'],
    ['ts-tabq:delta=0x1', 'number from 0 to 1'],
    ['transform', 'transform needs table'],
    ['transform:table=../a', 'a name of letters'],
    ['sparse+sparse+raw', 'twice'],
    ['topk+delta+raw', 'has to be the first'],
    ['x'.repeat(257), '256 characters'],
  ])('%s is refused', (text, sentence) => {
    expect(() => parseSpec(text)).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
    expect(() => parseSpec(text)).toThrow(sentence);
  });
});

it('a list of specs is split between them, not between keys', () => {
  expect(splitSpecs('raw')).toEqual(['raw']);
  expect(splitSpecs('raw, affine:bits=4,per=token+rans ,f16')).toEqual(['raw', 'affine:bits=4,per=token+rans', 'f16']);
  expect(splitSpecs('bits=4,raw')).toEqual(['bits=4', 'raw']);
  expect(splitSpecs('')).toEqual(['']);
});
