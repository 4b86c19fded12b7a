import { halfToNumber } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CacheKind, cachedHeadBytes, cacheKinds } from '../graph/cache-kind.js';
import { type CacheRows, narrowed } from './cache-rows.js';
import { KvCache, type KvShape } from './kv-cache.js';
import { randomNumbers } from './random-package.testing.js';
import { ropeTables } from './rope-tables.js';

const shapeOf = (kind: CacheKind): KvShape => ({ kind, layers: 2, kvHeads: 3, headSize: 4 });
const shape = shapeOf('f32');
const width = shape.kvHeads * shape.headSize;
const tables = ropeTables({ theta: 100, scaling: { kind: 'none' } }, shape.headSize, 1024);

describe.each(cacheKinds)('a cache in %s', (kind) => {
  it('holds the same after any appending, truncating and copying as after appending what is left at once', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), tokens: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ kind: fc.constant('truncate' as const), tokens: fc.integer({ min: 0, max: 600 }) }),
      fc.record({ kind: fc.constant('clone' as const), tokens: fc.integer({ min: 0, max: 600 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
        let cache = new KvCache(shapeOf(kind));
        let history: number[] = [];
        let seed = 1;
        for (const { kind, tokens } of steps) {
          if (kind === 'append') {
            if (history.length + tokens > 1024) continue;
            const seeds = Array.from({ length: tokens }, () => seed++);
            append(cache, seeds);
            history.push(...seeds);
          } else {
            history = history.slice(0, tokens);
            if (kind === 'truncate') cache.truncate(tokens);
            else cache = cache.clonePrefix(tokens);
          }
        }
        const fresh = new KvCache(shapeOf(kind));
        append(fresh, history);
        expect(cache.tokens).toBe(history.length);
        expect(contents(cache)).toEqual(contents(fresh));
        // Keys and values of two layers, three heads each, in steps of 256 tokens.
        expect(cache.bytes).toBe(2 * 2 * 3 * cache.capacity * cachedHeadBytes(kind, 4));
        expect(cache.bytes).toBe(arrayBytes(cache));
        expect(cache.capacity % 256).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('leaves a clone alone when its origin goes on', () => {
    const cache = new KvCache(shapeOf(kind));
    append(cache, [1, 2, 3]);
    const clone = cache.clonePrefix(2);
    const before = contents(clone);
    cache.truncate(1);
    append(cache, [9, 9]);
    expect(contents(clone)).toEqual(before);
  });

  it('turns keys by their positions and keeps values', () => {
    const cache = new KvCache({ kind, layers: 1, kvHeads: 1, headSize: 4 });
    cache.reserve(2);
    const values = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    cache.write(0, values, values, 2, tables);
    cache.advance(2);
    const [cos1, sin1, cos2, sin2] = [Math.cos(1), Math.sin(1), Math.cos(0.1), Math.sin(0.1)];
    const turned = [5 * cos1 - 7 * sin1, 6 * cos2 - 8 * sin2, 7 * cos1 + 5 * sin1, 8 * cos2 + 6 * sin2];
    const within = { f32: 1e-6, f16: 2 ** -11 * 8, '8': 8 / 127 / 2 + 1e-6 }[kind];
    const near = (rows: CacheRows | undefined, should: readonly number[]) => {
      for (const [i, value] of should.entries()) {
        expect(Math.abs(elementAt(rows, i, 4) - value)).toBeLessThanOrEqual(within);
      }
    };
    near(cache.keys[0], [1, 2, 3, 4, ...turned]);
    near(cache.values[0], [...values]);
  });
});

describe('how wide a cache is', () => {
  it('is a half in f16, and in 8 bits a quarter and a scale for each head', () => {
    const bytesIn = (kind: CacheKind) => {
      const cache = new KvCache({ kind, layers: 22, kvHeads: 4, headSize: 64 });
      cache.reserve(1000);
      return cache.bytes;
    };
    expect(bytesIn('f32')).toBe(22 * 2 * 4 * 64 * 4 * 1024);
    expect(bytesIn('f16')).toBe(bytesIn('f32') / 2);
    expect(bytesIn('8')).toBe(bytesIn('f32') / 4 + 22 * 2 * 4 * 4 * 1024);
  });

  it('rounds each head of a token to its own scale', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 8, maxLength: 8 }), (row) => {
        const values = Float32Array.from(row);
        const rows = narrowed('8', values, 4);
        for (const [i, value] of values.entries()) {
          const scale = rows.scales[Math.floor(i / 4)] ?? 0;
          expect(Math.abs(elementAt(rows, i, 4) - value)).toBeLessThanOrEqual(scale * 0.5001 + 2 ** -118);
        }
        expect(Math.max(...rows.elements.map(Math.abs))).toBeLessThanOrEqual(127);
      }),
    );
  });
});

function append(cache: KvCache, seeds: readonly number[]): void {
  cache.reserve(cache.tokens + seeds.length);
  for (let layer = 0; layer < shape.layers; layer++) {
    const rows = (kind: number) =>
      Float32Array.from(
        seeds.flatMap((seed) => {
          const random = randomNumbers(seed * 10 + layer * 2 + kind);
          return Array.from({ length: width }, random);
        }),
      );
    cache.write(layer, rows(0), rows(1), seeds.length, tables);
  }
  cache.advance(seeds.length);
}

/** What is in the cache, without what is reserved. */
function contents(cache: KvCache): number[][] {
  const { headSize, kvHeads } = cache.shape;
  return [...cache.keys, ...cache.values].map((rows) =>
    Array.from({ length: kvHeads }, (_, head) => {
      const from = head * cache.capacity * headSize;
      return Array.from({ length: cache.tokens * headSize }, (_, i) => elementAt(rows, from + i, headSize));
    }).flat(),
  );
}

function elementAt(rows: CacheRows | undefined, index: number, headSize: number): number {
  const element = rows?.elements[index] ?? Number.NaN;
  if (rows?.elements instanceof Uint16Array) return halfToNumber(element);
  if (rows?.elements instanceof Int8Array) return element * (rows.scales[Math.floor(index / headSize)] ?? Number.NaN);
  return element;
}

function arrayBytes(cache: KvCache): number {
  const bytes = ({ elements, scales }: CacheRows) => elements.byteLength + scales.byteLength;
  return [...cache.keys, ...cache.values].reduce((sum, rows) => sum + bytes(rows), 0);
}
