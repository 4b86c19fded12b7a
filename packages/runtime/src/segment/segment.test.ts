import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError, type DType, type ErrorCode, type NamedTensors, type Tensor, tensorOf } from '@cutpoint/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSegment } from './load-segment.js';
import { identityModel, input, modelOf, node, output, sequenceOutput, slowModel } from './onnx-bytes.testing.js';
import type { Segment, SegmentOptions } from './segment.js';

const f32 = (shape: number[], values: number[]): Tensor => tensorOf('f32', shape, new Float32Array(values));
const x = (tensor: Tensor): NamedTensors => new Map([['x', tensor]]);
const square = (n: number): NamedTensors => x(tensorOf('f32', [n, n], new Float32Array(n * n)));

/** About 100 ms at n = 512. */
const slow = slowModel(24);

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'no error'> {
  return await work.then(
    () => 'no error' as const,
    (thrown: unknown) => {
      if (thrown instanceof CutpointError) return (thrown as CutpointError).code;
      throw thrown;
    },
  );
}

describe.each(['thread', 'process'] as const)('a segment in a %s', (isolation) => {
  const load = (model: Uint8Array, options: SegmentOptions = {}): Promise<Segment> =>
    loadSegment({ kind: 'bytes', model }, { isolation, ...options });

  it('says what it expects and gives', async () => {
    await using segment = await load(identityModel('f32'));
    const spec = { dtype: 'f32', shape: ['n', 2] };
    expect(segment.inputs).toEqual([{ name: 'x', ...spec }]);
    expect(segment.outputs).toEqual([{ name: 'y', ...spec }]);
  });

  it.each<DType>(['f32', 'f64', 'f16', 'i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'i64', 'u64', 'bool'])(
    'carries %s unchanged in and out, also when there are no elements',
    async (dtype) => {
      await using segment = await load(identityModel(dtype));
      const sizes: Record<number, Uint8Array<ArrayBuffer>> = {
        1: Uint8Array.from([0, 1, 1, 0, 0, 1]),
        2: Uint8Array.from({ length: 12 }, (_, i) => i),
        4: Uint8Array.from({ length: 24 }, (_, i) => i),
        8: Uint8Array.from({ length: 48 }, (_, i) => i),
      };
      const size = tensorSize(dtype);
      const tensor: Tensor = { dtype, shape: [3, 2], data: sizes[size] ?? new Uint8Array() };
      const { outputs } = await segment.run(x(tensor));
      expect(outputs.get('y')).toEqual(tensor);
      const empty: Tensor = { dtype, shape: [0, 2], data: new Uint8Array() };
      expect((await segment.run(x(empty))).outputs.get('y')).toEqual(empty);
    },
  );

  it('reads inputs that are unaligned views and leaves them as they are', async () => {
    await using segment = await load(identityModel('f32'));
    const backing = new Uint8Array(32);
    const data = backing.subarray(3, 11);
    data.set(new Uint8Array(new Float32Array([1.5, -2]).buffer));
    const { outputs } = await segment.run(x({ dtype: 'f32', shape: [1, 2], data }), { transfer: true });
    expect(outputs.get('y')).toEqual(f32([1, 2], [1.5, -2]));
    expect(backing.byteLength).toBe(32);
  });

  it('copies inputs when called, and takes their buffers when told to', async () => {
    await using segment = await load(identityModel('f32'));
    const kept = f32([1, 2], [1, 2]);
    const first = segment.run(x(kept));
    kept.data.fill(0);
    expect((await first).outputs.get('y')).toEqual(f32([1, 2], [1, 2]));
    const given = f32([1, 2], [3, 4]);
    const second = segment.run(x(given), { transfer: true });
    expect(given.data.byteLength).toBe(0);
    expect((await second).outputs.get('y')).toEqual(f32([1, 2], [3, 4]));
  });

  it('takes one buffer that is given away under two names', async () => {
    const model = modelOf(
      node('Add', ['a', 'b'], ['y']),
      input('a', 'f32', [2]),
      input('b', 'f32', [2]),
      output('y', 'f32', [2]),
    );
    await using segment = await load(model);
    const both = f32([2], [1, 2]);
    const inputs = new Map([
      ['a', both],
      ['b', both],
    ]);
    expect((await segment.run(inputs, { transfer: true })).outputs.get('y')).toEqual(f32([2], [2, 4]));
  });

  it('gives each output a buffer of its own', async () => {
    const model = modelOf(
      node('Relu', ['x'], ['y']),
      node('Neg', ['x'], ['z']),
      input('x', 'f32', [2]),
      output('y', 'f32', [2]),
      output('z', 'f32', [2]),
    );
    await using segment = await load(model);
    const { outputs } = await segment.run(x(f32([2], [1, -2])));
    expect(outputs.get('y')).toEqual(f32([2], [1, 0]));
    expect(outputs.get('z')).toEqual(f32([2], [-1, 2]));
    for (const { data } of outputs.values()) expect(data.buffer.byteLength).toBe(data.byteLength);
    const some = await segment.run(x(f32([2], [1, -2])), { outputs: ['z'] });
    expect([...some.outputs.keys()]).toEqual(['z']);
  });

  it('carries tensors of many megabytes', async () => {
    await using segment = await load(identityModel('f32'));
    const values = new Float32Array(4 * 2 ** 20).map((_, i) => i);
    const { outputs } = await segment.run(x(tensorOf('f32', [values.length / 2, 2], values)));
    expect(Buffer.compare(outputs.get('y')?.data ?? new Uint8Array(), new Uint8Array(values.buffer))).toBe(0);
  });

  it('serves calls in order', async () => {
    await using segment = await load(slow);
    const order: number[] = [];
    const calls = [0, 1, 2].map(async (i) => {
      await segment.run(square(384));
      order.push(i);
    });
    await Promise.all(calls);
    expect(order).toEqual([0, 1, 2]);
  });

  it('rejects a cancelled call at once, whether it runs, is next or waits', async () => {
    await using segment = await load(slow);
    const controllers = Array.from({ length: 4 }, () => new AbortController());
    // The next one would take eight times as long as the running one.
    const calls = controllers.map(({ signal }, i) => segment.run(square(i === 1 ? 1024 : 512), { signal }));
    await sleep(20);
    const codes: string[] = [];
    for (const call of calls) void codeOf(call).then((code) => codes.push(code));
    for (const [i, controller] of controllers.entries()) {
      controller.abort();
      // Not even one turn of the event loop: no message to the worker and back is waited for.
      await new Promise((resolve) => setImmediate(resolve));
      expect(codes).toHaveLength(i + 1);
    }
    expect(new Set(codes)).toEqual(new Set(['CUT_CANCELLED']));
    expect((await segment.run(square(2))).outputs.size).toBe(1);
  });

  it('names a deadline as such', async () => {
    await using segment = await load(slow);
    expect(await codeOf(segment.run(square(512), { signal: AbortSignal.timeout(5) }))).toBe('CUT_DEADLINE');
    expect(await codeOf(segment.run(square(2), { signal: AbortSignal.abort() }))).toBe('CUT_CANCELLED');
  });

  it('stops loading when cancelled', async () => {
    expect(await codeOf(load(slow, { signal: AbortSignal.timeout(1) }))).toBe('CUT_DEADLINE');
  });

  it('refuses calls beyond its queue', async () => {
    await using segment = await load(slow, { maxQueue: 1 });
    // Two are with the worker, one waits.
    const taken = [1, 2, 3].map(() => segment.run(square(256)));
    expect(await codeOf(segment.run(square(256)))).toBe('CUT_OVERLOADED');
    await Promise.all(taken);
    expect(await codeOf(segment.run(square(256)))).toBe('no error');
  });

  it('rejects what is pending when disposed of, and everything after', async () => {
    const segment = await load(slow);
    const calls = [1, 2, 3].map(() => codeOf(segment.run(square(512))));
    await sleep(10);
    await segment.dispose();
    expect(await Promise.all(calls)).toEqual(['CUT_DISPOSED', 'CUT_DISPOSED', 'CUT_DISPOSED']);
    expect(await codeOf(segment.run(square(2)))).toBe('CUT_DISPOSED');
    await segment.dispose();
  });

  describe('given wrong inputs', () => {
    let segment: Segment;
    beforeAll(async () => {
      segment = await load(identityModel('f32'));
    });
    afterAll(async () => {
      expect(await codeOf(segment.run(x(f32([1, 2], [1, 2]))))).toBe('no error');
      await segment.dispose();
    });

    it.each<[string, NamedTensors, ErrorCode, string]>([
      ['an unknown name', new Map([['q', f32([1, 2], [1, 2])]]), 'CUT_INPUT', 'x: f32[n, 2]'],
      ['a missing input', new Map(), 'CUT_INPUT', 'x: f32[n, 2]'],
      ['another type', x(tensorOf('i32', [1, 2], new Int32Array(2))), 'CUT_INPUT', 'f32[n, 2]'],
      ['another size', x(f32([1, 3], [1, 2, 3])), 'CUT_INPUT', 'f32[1, 3]'],
      ['another rank', x(f32([2], [1, 2])), 'CUT_INPUT', 'f32[2]'],
      ['a negative size', x({ dtype: 'f32', shape: [-1, 2], data: new Uint8Array(8) }), 'CUT_INPUT', 'f32[-1, 2]'],
      ['too few bytes', x({ dtype: 'f32', shape: [1, 2], data: new Uint8Array(7) }), 'CUT_INPUT', '8 bytes'],
      ['bf16', x({ dtype: 'bf16', shape: [1, 2], data: new Uint8Array(4) }), 'CUT_UNSUPPORTED_TYPE', 'bf16'],
    ])('refuses %s and says what is right', async (_, inputs, code, part) => {
      const call = segment.run(inputs);
      expect(await codeOf(call)).toBe(code);
      await expect(call).rejects.toThrow(part);
    });
  });

  it('refuses unknown outputs and marks those it cannot carry', async () => {
    const model = modelOf(
      node('SequenceConstruct', ['x', 'x'], ['q']),
      node('Relu', ['x'], ['y']),
      input('x', 'f32', [2]),
      output('y', 'f32', [2]),
      sequenceOutput('q'),
    );
    await using segment = await load(model);
    expect(segment.outputs[1]).toEqual({ name: 'q', dtype: null, kind: 'non-tensor' });
    const inputs = x(f32([2], [1, 2]));
    expect(await codeOf(segment.run(inputs))).toBe('CUT_UNSUPPORTED_TYPE');
    expect(await codeOf(segment.run(inputs, { outputs: ['q'] }))).toBe('CUT_UNSUPPORTED_TYPE');
    expect(await codeOf(segment.run(inputs, { outputs: ['none'] }))).toBe('CUT_INPUT');
    expect(await codeOf(segment.run(inputs, { outputs: ['y'] }))).toBe('no error');
  });

  it('reports a failing inference and goes on', async () => {
    const model = modelOf(
      node('MatMul', ['x', 'x'], ['y']),
      input('x', 'f32', ['a', 'b']),
      output('y', 'f32', ['c', 'd']),
    );
    await using segment = await load(model);
    const failing = segment.run(x(f32([2, 3], [1, 2, 3, 4, 5, 6])));
    expect(await codeOf(failing)).toBe('CUT_RUN');
    await expect(failing).rejects.toThrow('MatMul');
    expect(await codeOf(segment.run(x(f32([1, 1], [2]))))).toBe('no error');
  });
});

function tensorSize(dtype: DType): number {
  return { f32: 4, f64: 8, f16: 2, bf16: 2, i8: 1, u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8, bool: 1 }[
    dtype
  ];
}
