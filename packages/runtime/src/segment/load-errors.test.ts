import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorCode, errorCodes, tensorOf } from '@cutpoint/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listProviders } from './list-providers.js';
import { loadSegment } from './load-segment.js';
import { externalWeight, identityModel, input, intAttribute, modelOf, node, output } from './onnx-bytes.testing.js';
import type { SegmentSource } from './segment.js';

const xy = [input('x', 'f32', [2]), output('y', 'f32', [2])];
const bytes = (model: Uint8Array): SegmentSource => ({ kind: 'bytes', model });
const withExternal = modelOf(node('Add', ['x', 'w'], ['y']), externalWeight('w', [2], 'w.bin'), ...xy);
const weights = new Uint8Array(new Float32Array([1, 2]).buffer);
const inputs = new Map([['x', tensorOf('f32', [2], new Float32Array([10, 20]))]]);
const sum = tensorOf('f32', [2], new Float32Array([11, 22]));

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-segment-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function expectRefusal(source: SegmentSource, code: ErrorCode, part: string, provider = 'cpu'): Promise<void> {
  expect(errorCodes).toHaveProperty(code);
  await expect(loadSegment(source, { provider })).rejects.toMatchObject({
    code,
    message: expect.stringContaining(part),
  });
}

describe('loading a segment', () => {
  it.each<[string, Uint8Array, ErrorCode, string]>([
    ['an operator nobody knows', modelOf(node('Blah', ['x'], ['y']), ...xy), 'CUT_UNSUPPORTED_OP', 'Blah'],
    [
      'an operator without a kernel for its type',
      modelOf(
        node('Cast', ['x'], ['a'], intAttribute('to', 11)),
        node('Acosh', ['a'], ['b']),
        node('Cast', ['b'], ['y'], intAttribute('to', 1)),
        ...xy,
      ),
      'CUT_UNSUPPORTED_OP',
      'Acosh',
    ],
    ['a truncated model', identityModel('f32').slice(0, 30), 'CUT_MODEL_INVALID', 'protobuf'],
    ['bytes that are no model', new Uint8Array(100).fill(77), 'CUT_MODEL_INVALID', 'model'],
    ['no bytes at all', new Uint8Array(), 'CUT_MODEL_INVALID', 'model'],
    ['a node without its input', modelOf(node('Relu', ['q'], ['y']), ...xy), 'CUT_MODEL_INVALID', "'q'"],
    ['a bf16 input', identityModel('bf16'), 'CUT_UNSUPPORTED_TYPE', 'bf16'],
    ['a text input', identityModel('string'), 'CUT_UNSUPPORTED_TYPE', 'string'],
    ['external weights that were not given', withExternal, 'CUT_EXTERNAL_DATA', "'w.bin'"],
  ])('refuses %s', async (_, model, code, part) => {
    await expectRefusal(bytes(model), code, part);
  });

  it('refuses a file that does not exist', async () => {
    await expectRefusal({ kind: 'file', path: join(folder, 'none.onnx') }, 'CUT_FILE_NOT_FOUND', 'none.onnx');
    await expectRefusal({ kind: 'file', path: folder }, 'CUT_FILE_NOT_FOUND', folder);
  });

  it('refuses files that are no models', async () => {
    const path = join(folder, 'model.onnx');
    for (const content of [new Uint8Array(), new Uint8Array(100).fill(77), identityModel('f32').slice(0, 30)]) {
      await writeFile(path, content);
      await expectRefusal({ kind: 'file', path }, 'CUT_MODEL_INVALID', 'model');
    }
  });

  it('refuses a file whose external weights lie outside its folder', async () => {
    const path = join(folder, 'model.onnx');
    await writeFile(path, modelOf(node('Add', ['x', 'w'], ['y']), externalWeight('w', [2], '../w.bin'), ...xy));
    await expectRefusal({ kind: 'file', path }, 'CUT_EXTERNAL_DATA', "'../w.bin', which is outside");
  });

  it('refuses a file whose external weights are missing or too short, and loads it once they are there', async () => {
    const source: SegmentSource = { kind: 'file', path: join(folder, 'model.onnx') };
    await writeFile(source.path, withExternal);
    await expectRefusal(source, 'CUT_EXTERNAL_DATA', 'w.bin, which does not exist.');
    await writeFile(join(folder, 'w.bin'), weights.subarray(0, 4));
    await expectRefusal(source, 'CUT_EXTERNAL_DATA', 'has only 4 bytes.');
    await writeFile(join(folder, 'w.bin'), weights);
    await using segment = await loadSegment(source);
    expect((await segment.run(inputs)).outputs.get('y')).toEqual(sum);
  });

  it('finds the external weights of a model in bytes in the folder named, and nowhere else', async () => {
    const inFolder: SegmentSource = { kind: 'bytes', model: withExternal, weightsFolder: folder };
    await expectRefusal(inFolder, 'CUT_EXTERNAL_DATA', 'w.bin');
    await writeFile(join(folder, 'w.bin'), weights);
    await using segment = await loadSegment(inFolder);
    expect((await segment.run(inputs)).outputs.get('y')).toEqual(sum);
    await expectRefusal(bytes(withExternal), 'CUT_EXTERNAL_DATA', "'w.bin', but no folder");
  });

  it('refuses providers that are unknown or do not work here, instead of using another', async () => {
    await expectRefusal(bytes(identityModel('f32')), 'CUT_PROVIDER', 'cpu', 'bogus');
    const providers = await listProviders();
    expect(providers).toContainEqual({ name: 'cpu', bundled: true });
    if (providers.some(({ name }) => name === 'tensorrt')) {
      await expectRefusal(bytes(identityModel('f32')), 'CUT_PROVIDER', 'tensorrt', 'tensorrt');
    }
  });

  it('answers for the providers no later than it is told to', async () => {
    await expect(listProviders(AbortSignal.timeout(1))).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
  });

  it.each([0, 1.5, Number.NaN])('refuses %s threads', async (threads) => {
    await expect(loadSegment(bytes(identityModel('f32')), { threads })).rejects.toMatchObject({ code: 'CUT_USAGE' });
  });

  it('names a tensor that the runtime cannot carry', async () => {
    const named = (x: string, y: string) =>
      modelOf(node('Identity', [x], [y]), input(x, 'f32', [2]), output(y, 'f32', [2]));
    await expectRefusal(bytes(named('__proto__', 'y')), 'CUT_UNSUPPORTED_TYPE', '__proto__');
    await expectRefusal(bytes(named('x', '__proto__')), 'CUT_UNSUPPORTED_TYPE', '__proto__');
  });
});
