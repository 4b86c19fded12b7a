import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SocketGroup } from '../group.js';
import { type Payload, payloads, topologies } from '../rank-group.js';
import { always, sharedOptions, withGroups } from '../socket-groups.testing.js';

type Floats = Float32Array<ArrayBuffer>;

const ways = topologies.flatMap((topology) => [false, true].map((encrypts) => ({ topology, encrypts })));

describe.each(ways)('an all-reduce in a $topology, encrypted: $encrypts', ({ topology, encrypts }) => {
  describe.each(payloads)('with %s', (payload) => {
    it.each([1, 2, 3, 4, 5])('gives %i ranks one sum, of any length', async (ranks) => {
      await withGroups(sharedOptions(ranks, always(topology, payload), encrypts), async (groups) => {
        const counts = [0, 1, 2, 31, 33, 257, 4096];
        await fc.assert(
          fc.asyncProperty(
            fc.constantFrom(...counts),
            fc.integer(),
            fc.double({ min: -9, max: 9, noNaN: true }),
            async (...given) => {
              const [count, seed, exponent] = given;
              const values = groups.map(({ rank }) => numbers(count, seed + rank, 10 ** (exponent / 3)));
              requireSum(await summed(groups, values), values, payload);
            },
          ),
          { numRuns: 20 },
        );
      });
    });

    it('carries several megabytes, though all send before they receive', async () => {
      await withGroups(sharedOptions(3, always(topology, payload), encrypts), async (groups) => {
        const values = groups.map(({ rank }) => numbers(1_500_001, rank, 1));
        requireSum(await summed(groups, values), values, payload);
      });
    });

    it('keeps many apart, which all ranks begin at their own pace', async () => {
      await withGroups(sharedOptions(3, always(topology, payload), encrypts), async (groups) => {
        const calls = Array.from({ length: 60 }, (_, call) =>
          groups.map(({ rank }) => numbers(100, 7 * call + rank, 1)),
        );
        const is = calls.map((values) => values.map((each) => each.slice()));
        await Promise.all(
          groups.map(async (group, rank) => {
            for (const [call, values] of is.entries()) {
              if ((call * 13 + rank * 5) % 11 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
              await group.allReduce(values[rank] as Floats, call);
            }
          }),
        );
        for (const [call, values] of calls.entries()) requireSum(is[call] as Floats[], values, payload);
      });
    });

    it('has several under way at a time', async () => {
      await withGroups(sharedOptions(4, always(topology, payload), encrypts), async (groups) => {
        const calls = [10, 5000, 10, 3].map((count, call) => groups.map(({ rank }) => numbers(count, call + rank, 1)));
        const is = calls.map((values) => values.map((each) => each.slice()));
        await Promise.all(
          groups.flatMap((group, rank) => is.map((values, part) => group.allReduce(values[rank] as Floats, part))),
        );
        for (const [call, values] of calls.entries()) requireSum(is[call] as Floats[], values, payload);
      });
    });
  });
});

describe.each(['star', 'mesh'] as const)('an all-reduce in a %s with f32', (topology) => {
  it('adds up by rank, bit for bit', async () => {
    await withGroups(sharedOptions(5, always(topology)), async (groups) => {
      const floats = fc.float32Array({ minLength: 1, maxLength: 40, noNaN: true });
      await fc.assert(
        fc.asyncProperty(floats, fc.integer(), async (first, seed) => {
          const values = groups.map(({ rank }) =>
            rank === 2 ? Float32Array.from(first) : numbers(first.length, seed + rank, 1),
          );
          const sum = Float32Array.from(first, (_, i) =>
            values.map((each) => each[i] ?? 0).reduce((so, next) => Math.fround(so + next)),
          );
          for (const is of await summed(groups, values)) expect(bits(is).equals(bits(sum))).toBe(true);
        }),
        { numRuns: 60 },
      );
    });
  });
});

it('uses the rule of a sum’s size, and others from when they are told', async () => {
  const rules = [
    { mostBytes: 40, topology: 'mesh', payload: 'f32' },
    { mostBytes: Number.POSITIVE_INFINITY, topology: 'star', payload: 'f32' },
  ] as const;
  await withGroups(sharedOptions(3, rules), async (groups) => {
    const received = async (count: number) => {
      for (const group of groups) group.takeCost();
      await Promise.all(groups.map((group) => group.allReduce(new Float32Array(count))));
      return groups.map((group) => group.takeCost().receivedBytes);
    };
    expect(await received(10)).toEqual([104, 104, 104]);
    expect(await received(11)).toEqual([112, 56, 56]);
    for (const group of groups) group.useRules(always('mesh', 'f16'));
    expect(await received(10)).toEqual([64, 64, 64]);
  });
});

/** What all ranks have afterwards. */
async function summed(groups: readonly SocketGroup[], values: readonly Floats[]): Promise<Floats[]> {
  const is = values.map((each) => each.slice());
  await Promise.all(groups.map((group, rank) => group.allReduce(is[rank] as Floats)));
  // What rounding took belongs to no other sum of these tests.
  groups[0]?.broadcast(new Uint8Array(0));
  await Promise.all(groups.slice(1).map((group) => group.nextBroadcast(0)));
  return is;
}

/** All ranks have the same bits, and these are the sum but for what the payload may take. */
function requireSum(is: readonly Floats[], values: readonly Floats[], payload: Payload): void {
  const first = is[0] as Floats;
  for (const each of is) expect(bits(each).equals(bits(first))).toBe(true);
  // Each number is carried 2 x ranks times at most, with a partial sum of this size at most; by its ring it is fewer.
  const largest = values.reduce(
    (sum, each) => sum + each.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    0,
  );
  const carried = values.length === 1 ? 0 : 2 * values.length;
  const perCarry =
    { f32: 2 ** -23, f16: 2 ** -11, i8: 0.5 / 127 }[payload] * largest + (payload === 'f16' ? 2 ** -25 : 0);
  let worst = 0;
  for (let i = 0; i < first.length; i++) {
    const sum = values.reduce((so, each) => so + (each[i] ?? 0), 0);
    worst = Math.max(worst, Math.abs(sum - (first[i] ?? 0)));
  }
  expect(worst).toBeLessThanOrEqual(carried * perCarry * 1.01);
}

function bits(values: Floats): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/** The same for the same seed, between -size and size. */
function numbers(count: number, seed: number, size: number): Floats {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * size;
  });
}
