import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../bytes.js';
import { openKernels } from '../kernels/load-kernels.js';
import { mutantOf, type Random, randomFrom } from '../mutations.testing.js';
import { ransCoder, type SymbolCoder } from '../symbol-coder.js';
import { readGaps, writeGaps } from './positions.js';

const mutations = 200_000;
const count = 5000;

/** What the coder is asked to make room for must not be more than places among so many elements can need. */
function watched(coder: SymbolCoder): SymbolCoder {
  return {
    encode: coder.encode,
    decode: (bytes, layout) => {
      expect(layout.count).toBeLessThanOrEqual(count);
      return coder.decode(bytes, layout);
    },
  };
}

function anyPlaces(random: Random, share: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i).filter(() => random(share) === 0);
}

describe.each([
  { name: 'plain', coder: undefined },
  { name: 'coded', coder: watched(ransCoder(openKernels())) },
])('$name gaps', ({ coder }) => {
  it(`withstand ${mutations} mutations, and make no room for more than they can hold`, { timeout: 240_000 }, () => {
    const random = randomFrom(104_729);
    const lists = [1, 2, 5, 100, 1000].map((share) => {
      const out = new ByteWriter();
      writeGaps(out, anyPlaces(random, share), coder);
      return out.written();
    });
    let refused = 0;
    for (let i = 0; i < mutations; i++) {
      const bytes = mutantOf(lists, random, false);
      try {
        const places = readGaps(new ByteReader(bytes), count, coder);
        if (coder === undefined) expect(places.length).toBeLessThan(Math.max(1, bytes.length));
        expect(places.every((place, at) => place < count && (at === 0 || place > (places[at - 1] ?? count)))).toBe(
          true,
        );
      } catch (thrown) {
        if ((thrown as { code?: unknown }).code !== 'CUT_CODEC_PAYLOAD') throw thrown;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(mutations / 20);
  });
});
