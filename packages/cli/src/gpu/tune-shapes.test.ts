import { type BitWidth, knownDivisions, type ProductShape, schemesFor, type TunedProduct } from '@cutpoint/gpu';
import type { PackageManifest, StoredWeight } from '@cutpoint/llm';
import { describe, expect, it } from 'vitest';
import { packageShapes } from './package-shapes.js';
import { tuneShapes } from './tune-shapes.js';

const span = { offset: 0, bytes: 0 };
const blocks = (bits: 4 | 8, rows: number): StoredWeight => ({
  ...{ kind: 'blocks', bits, block: 32, rows, columns: 64 },
  ...{ codes: span, scales: span, zeroPoints: null },
});
const floats: StoredWeight = { kind: 'float', dtype: 'f16', shape: [48, 64], span };

function packageOf(qkv: StoredWeight, rest: StoredWeight): Pick<PackageManifest, 'name' | 'layers'> {
  const weights = { qkv, out: rest, gateUp: rest, down: rest };
  const layer = { path: 'layers/0.bin', bytes: 0, sha256: '', weights };
  return { name: 'small', layers: [layer, layer] };
}

describe('the products of a package', () => {
  it('are those of its own widths, each once, for a token and a prompt', () => {
    const found = packageShapes(packageOf(blocks(4, 96), blocks(8, 64)), undefined);
    const each = (outputs: number, weightBits: BitWidth) =>
      [1, 64].map((rows) => ({ rows, outputs, columns: 64, groupSize: 32, weightBits, activationBits: 8 }));
    expect(found).toEqual([...each(96, 4), ...each(64, 8)]);
  });

  it('are those of the widths that are asked for', () => {
    const found = packageShapes(packageOf(blocks(4, 96), floats), { weightBits: 3, activationBits: 6 });
    expect(found).toHaveLength(4);
    for (const shape of found) expect(shape).toMatchObject({ weightBits: 3, activationBits: 6 });
  });

  it('need a width where the package says none', () => {
    const asking = () => packageShapes(packageOf(floats, floats), undefined);
    expect(asking).toThrow(expect.objectContaining({ code: 'CUT_USAGE', message: expect.stringContaining('--bits') }));
  });
});

describe('tuning products', () => {
  const shapes = packageShapes(packageOf(blocks(4, 96), blocks(8, 64)), undefined);
  const choices = schemesFor(8, 4, true).flatMap((scheme) =>
    knownDivisions.slice(0, 2).map((shape, i) => ({ choice: { scheme, shape }, us: 10 + i })),
  );

  /** Each kernel takes a second. */
  async function tuned(failing: number) {
    const kept: TunedProduct[] = [];
    const lines: string[] = [];
    const asked: ProductShape[] = [];
    let clockMs = 0;
    const running = tuneShapes(shapes, {
      tune: async (shape, { onProgress }) => {
        asked.push(shape);
        if (asked.length === failing) throw new Error('interrupted');
        for (let i = 0; i < 2; i++) {
          onProgress?.(i, 2);
          clockMs += 1_000;
        }
        return choices;
      },
      keep: async (found) => void kept.push(...found),
      show: (line) => lines.push(line),
      now: () => clockMs,
    });
    const outcome = await running.catch((thrown: Error) => thrown.message);
    return { outcome, kept, lines, asked };
  }

  it('keeps what was found before one that fails', async () => {
    const { outcome, kept, asked } = await tuned(3);
    expect(outcome).toBe('interrupted');
    expect(asked).toHaveLength(3);
    expect([...new Set(kept.map(({ rows, outputs }) => `${rows} x ${outputs}`))]).toEqual(['1 x 96', '64 x 96']);
  });

  it('says how far it is, and about how long the rest takes', async () => {
    const { outcome, kept, lines } = await tuned(0);
    expect(outcome).toEqual(kept);
    expect(lines[0]).toBe('product 1 of 4: 1 x 64 times 96 x 64, kernel 1 of 2');
    expect(lines[1]).toBe('product 1 of 4: 1 x 64 times 96 x 64, kernel 2 of 2; about 7 s left');
    expect(lines.at(-1)).toBe('product 4 of 4: 64 x 64 times 64 x 64, kernel 2 of 2; about 1 s left');
  });
});
