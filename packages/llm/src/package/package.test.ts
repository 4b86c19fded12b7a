import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CancelSource, CutpointError } from '@cutpoint/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkManifest } from './manifest-schema.js';
import { readPackage, verifyFiles } from './read-package.js';
import { countedPackage, smallConfig } from './small-decoder.testing.js';
import { bytesOf, type WeightForm } from './weight-content.js';
import { packageBytes, writePackage } from './write-package.js';

let folder: string;
let at: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  at = join(folder, 'small');
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('a package', () => {
  it('is read as it was written, with spans at multiples of 64 and the hashes of its files', async () => {
    const content = countedPackage(smallConfig);
    const written = await writePackage(at, content);
    const { manifest } = await readPackage(at);
    expect(manifest).toEqual(written);
    const [layer] = manifest.layers;
    const bytes = readFileSync(join(at, layer?.path ?? ''));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(layer?.sha256);
    const down = layer?.weights.down;
    if (down?.kind !== 'float') throw new Error('down is stored as floats here');
    expect(down.span.offset % 64).toBe(0);
    const [piece] = [...((content.layers[0]?.down?.pieces() ?? []) as Iterable<{ values: Uint8Array }>)];
    expect(bytes.subarray(down.span.offset, down.span.offset + down.span.bytes)).toEqual(
      Buffer.from(piece?.values ?? []),
    );
    expect(packageBytes(content)).toBe(
      [manifest.embedding, ...manifest.layers, manifest.head].reduce((sum, part) => sum + part.bytes, 0),
    );
    await verifyFiles({ folder: at, manifest });
  });

  it('is told from one with a changed byte, a short file and a missing file', async () => {
    const manifest = await writePackage(at, countedPackage(smallConfig));
    const head = join(at, 'head.bin');
    const bytes = readFileSync(head);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(head, bytes);
    await readPackage(at);
    await expect(verifyFiles({ folder: at, manifest })).rejects.toMatchObject({ code: 'CUT_PACKAGE' });
    truncateSync(head, 99);
    await expect(readPackage(at)).rejects.toThrow(/head\.bin has 99 bytes instead of/);
    rmSync(head);
    await expect(readPackage(at)).rejects.toMatchObject({ code: 'CUT_FILE_NOT_FOUND' });
  });

  it('is not begun where something is already, and leaves nothing behind when it is cancelled', async () => {
    const stop = new CancelSource();
    const write = writePackage(at, countedPackage(smallConfig), {
      signal: stop,
      onBytes: () => stop.abort(new CutpointError('CUT_CANCELLED', 'Enough.')),
    });
    await expect(write).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(at, '');
    await expect(writePackage(at, countedPackage(smallConfig))).rejects.toThrow(/exists already/);
  });

  it('is refused before any work where the disk is too small for it', async () => {
    const form: WeightForm = { kind: 'float', dtype: 'f32', shape: [2 ** 22, 2 ** 20] };
    const content = { ...countedPackage(smallConfig), embedding: { table: { form, pieces: () => [] } } };
    await expect(writePackage(at, content)).rejects.toMatchObject({ code: 'CUT_DISK_FULL' });
    expect(existsSync(at)).toBe(false);
  });

  it('is not completed with weights of another length than their shape takes', async () => {
    const whole = countedPackage(smallConfig);
    const matrix = {
      form: { kind: 'float', dtype: 'f32', shape: [64, 33] },
      pieces: whole.head.matrix?.pieces,
    } as never;
    await expect(writePackage(at, { ...whole, head: { ...whole.head, matrix } })).rejects.toThrow(/came as 8192 bytes/);
  });
});

describe('a manifest', () => {
  it.each([
    ['a path out of the folder', '"path": "head.bin"', '"path": "../head.bin"', /head\.path/],
    ['a span outside the file', '"offset": 128', '"offset": 1280000', /outside the file/],
    ['an odd offset', '"offset": 128', '"offset": 129', /offset/],
    ['more layers than are listed', '"layers": 2', '"layers": 3', /attention is stated for 2 of 3/],
    ['another shape', '"ffnSize": 48', '"ffnSize": 49', /gateUp is \[96, 32\] and should be \[98, 32\]/],
    ['a weight that the decoder lacks', '"qkvBias": false', '"qkvBias": true', /qkvBias is missing/],
    ['heads that cannot be shared', '"kvHeads": 2', '"kvHeads": 3', /4 heads cannot share 3/],
    ['another version', '"version": 1', '"version": 2', /version/],
  ])('with %s is refused', async (_, from, to, sentence) => {
    await writePackage(at, countedPackage(smallConfig));
    const text = readFileSync(join(at, 'manifest.json'), 'utf8');
    expect(text).toContain(from);
    const changed: unknown = JSON.parse(text.replace(from, to));
    expect(() => checkManifest(changed, 'manifest.json')).toThrow(sentence);
  });
});

describe('the bytes of blocks', () => {
  it('are codes of whole blocks, one scale for each, and rows of packed zero points', () => {
    const forms = fc.record({
      kind: fc.constant('blocks' as const),
      bits: fc.constantFrom(2 as const, 4 as const, 8 as const),
      block: fc.constantFrom(32 as const, 64 as const, 128 as const),
      rows: fc.integer({ min: 1, max: 9 }),
      columns: fc.integer({ min: 1, max: 999 }),
      zeroPoints: fc.boolean(),
    });
    fc.assert(
      fc.property(forms, (form) => {
        const { values, scales, zeroPoints } = bytesOf(form);
        const blocks = scales / 4 / form.rows;
        expect(blocks * form.block).toBeGreaterThanOrEqual(form.columns);
        expect((blocks - 1) * form.block).toBeLessThan(form.columns);
        expect(values * 8).toBe(form.rows * blocks * form.block * form.bits);
        const bits = (zeroPoints * 8) / form.rows - blocks * form.bits;
        if (form.zeroPoints) expect(bits >= 0 && bits < 8).toBe(true);
        else expect(zeroPoints).toBe(0);
      }),
    );
  });
});
