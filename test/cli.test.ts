import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialiseModel } from '@cutpoint/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlFlowModel } from './models/control-flow.js';
import { pixelModel } from './models/conv-nets.js';
import { writeExternalModel } from './models/external.js';
import { classifier } from './models.testing.js';
import { cutpoint } from './processes.testing.js';

let folder = '';
let pixels = '';
let controlFlow = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-cli-'));
  pixels = join(folder, 'pixels.onnx');
  controlFlow = join(folder, 'control-flow.onnx');
  await writeFile(pixels, serialiseModel(pixelModel()));
  await writeFile(controlFlow, serialiseModel(controlFlowModel()));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  await using process = cutpoint(args, { CUTPOINT_CACHE_DIR: join(folder, 'cache'), NO_COLOR: '1' });
  const status = await process.exit();
  return { status, stdout: process.stdout, stderr: process.stderr };
}

async function json(...args: string[]) {
  const { status, stdout } = await run(...args, '--json');
  return { status, value: JSON.parse(stdout) };
}

describe('cutpoint cuts', () => {
  it('lists every cut from everything on the server to everything on the agent', async () => {
    const { status, value } = await json('cuts', pixels);
    expect(status).toBe(0);
    expect(value.model).toBe(pixels);
    expect(value.cuts).toHaveLength(10);
    expect(value.cuts[0]).toEqual({
      index: 0,
      name: 'input',
      tensors: [{ name: 'pixels', dtype: 'u8', shape: [1, 16, 16, 3], bytes: 768 }],
      bytes: 768,
      frontNodes: 0,
      frontWeightBytes: 0,
    });
    // The casts and views before cut 2 are made behind it; the convolution's 864 bytes and the scale are in front of cut 4.
    expect(value.cuts[2]).toMatchObject({ index: 2, bytes: 768, frontNodes: 0 });
    expect(value.cuts[4]).toMatchObject({ index: 4, name: 'conv', frontNodes: 4, frontWeightBytes: 868 });
    expect(value.cuts[9]).toMatchObject({ index: 9, name: 'output', tensors: [], bytes: 0, frontNodes: 9 });
  });

  it('sizes free dimensions as told, and says on stderr what it assumed', async () => {
    const { value } = await json('cuts', pixels, '--dim', 'N=3');
    expect(value.cuts[0].tensors[0].shape).toEqual([3, 16, 16, 3]);
    const { stdout, stderr } = await run('cuts', pixels);
    expect(stderr).toContain('assumed N=1');
    expect(stdout).toContain('pixels.onnx has 10 cuts');
    const rows = stdout.split('\n').map((row) => row.replace(/ +/g, ' ').trim());
    expect(rows.find((row) => row.startsWith('0 '))).toMatch(/^0 input u8\[1, 16, 16, 3\] [\d.]+ K?B 0 0 K?B 0 %$/);
    expect(rows.find((row) => row.startsWith('9 '))).toMatch(/^9 output nothing 0 K?B 9 [\d.]+ K?B 100 %$/);
  });
});

describe('cutpoint split', () => {
  it('writes segments that run in a chain, and a segments.json that daemons read', async () => {
    const out = join(folder, 'segments');
    const { status, value } = await json('split', controlFlow, '--at', '2,4', '--out', out);
    expect(status).toBe(0);
    expect(value.segments.map(({ file }: { file: string }) => file)).toEqual([
      'segment-0.onnx',
      'segment-1.onnx',
      'segment-2.onnx',
    ]);
    expect(value.segments[0]).toMatchObject({ receives: ['x', 'flag'], answers: ['early', 'flag'] });
    const description = JSON.parse(await readFile(join(out, 'segments.json'), 'utf8'));
    expect(description.format).toBe('cutpoint-segments');
    const { stdout } = await run('split', controlFlow, '--at', '2,4', '--out', out);
    const { size } = await stat(join(out, 'segment-1.onnx'));
    expect(stdout).toMatch(new RegExp(`segment-1\\.onnx +${(size / 1000).toFixed(2)} KB `));
    expect(stdout).toContain('x + flag');
    expect(stdout).toContain('with 2 cuts, each segment behind the first');
  });
});

describe('cutpoint verify', () => {
  it('takes cuts one by one and all at once, every nth, and an input file', async () => {
    expect((await json('verify', pixels, '--at', '2,5')).value.verified).toBe(3);
    expect((await json('verify', pixels, '--every', '4')).value.verified).toBe(4);
    const npy = join(folder, 'pixels.npy');
    await writeFile(npy, npyOfBytes([2, 16, 16, 3]));
    expect((await json('verify', pixels, '--at', '4', '--input', npy)).value.verified).toBe(1);
    const { stdout } = await run('verify', pixels, '--at', '4', '--input', npy);
    expect(stdout).toContain(`inputs             ${npy}\n`);
    expect(stdout).toContain('1 split at cut 4: all equal to the whole');
  });

  it('says what was verified, and an exact zero as one', async () => {
    const { stdout } = await run('verify', pixels);
    expect(stdout).toContain('10 splits at every cut from 0 to 9: all equal to the whole');
    expect(stdout).toContain('inputs             random\n');
    expect(stdout).toContain('optimisations off  largest difference 0\n');
  });
});

describe('bad input', () => {
  it.each<[string, string, number, () => string[]]>([
    ['a truncated model', 'CUT_MODEL_INVALID', 1, () => ['cuts', join(folder, 'truncated.onnx')]],
    ['a file that is no model', 'CUT_MODEL_INVALID', 1, () => ['cuts', join(folder, 'text.onnx')]],
    ['no file', 'CUT_FILE_NOT_FOUND', 1, () => ['cuts', join(folder, 'none.onnx')]],
    ['a missing external file', 'CUT_EXTERNAL_DATA', 1, () => ['cuts', join(folder, 'alone', 'model.onnx')]],
    ['a cut that does not exist', 'CUT_ILLEGAL_CUT', 2, () => ['split', pixels, '--at', '70', '--out', folder]],
    ['cuts out of order', 'CUT_ILLEGAL_CUT', 2, () => ['split', pixels, '--at', '5,2', '--out', folder]],
    ['an unknown dimension', 'CUT_USAGE', 2, () => ['cuts', pixels, '--dim', 'width=3']],
    ['an input of the wrong type', 'CUT_INPUT', 1, () => ['verify', classifier, '--input', join(folder, 'u8.npy')]],
    ['no verb', 'CUT_USAGE', 2, () => []],
    ['an unknown verb', 'CUT_USAGE', 2, () => ['cut']],
    ['an unknown option', 'CUT_USAGE', 2, () => ['cuts', pixels, '--deep']],
    ['an unknown transport', 'CUT_USAGE', 2, () => ['bench', 'wire', '--transport', 'pigeon']],
  ])('%s: one sentence, its code and exit status', async (_, code, exit, args) => {
    await writeFile(join(folder, 'truncated.onnx'), serialiseModel(pixelModel()).subarray(0, 700));
    await writeFile(join(folder, 'text.onnx'), 'not a model');
    await writeFile(join(folder, 'u8.npy'), npyOfBytes([1, 3, 48, 192]));
    const alone = join(folder, 'alone');
    await mkdir(alone, { recursive: true });
    await writeExternalModel(alone, { layers: 1, width: 8 });
    await rm(join(alone, 'weights.bin'));
    const { status, stdout, stderr } = await run(...args());
    expect(status).toBe(exit);
    expect(stdout).toBe('');
    expect(stderr).toMatch(new RegExp(`error ${code}: .+\\n$`));
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('with --json, one object on stdout', async () => {
    const { status, value } = await json('cuts', join(folder, 'none.onnx'));
    expect(status).toBe(1);
    const message = `The model ${join(folder, 'none.onnx')} cannot be read: no such file or directory.`;
    expect(value.error).toEqual({ code: 'CUT_FILE_NOT_FOUND', message });
  });
});

/** A .npy file of u8 (numpy.lib.format 1.0). */
function npyOfBytes(shape: readonly number[]): Uint8Array {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const padded = `${header}\n`;
  const length = shape.reduce((product, size) => product * size, 1);
  const preamble = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8]);
  return Buffer.concat([
    preamble,
    Buffer.from(padded, 'latin1'),
    Buffer.from(Array.from({ length }, (_, i) => i % 251)),
  ]);
}
