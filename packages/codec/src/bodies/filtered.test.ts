import { tensorOf } from '@cutpoint/core';
import { expect, it } from 'vitest';
import type { ByteWriter } from '../bytes.js';
import { typescriptKernels } from '../kernels/typescript.js';
import { sealPayload, stageTags, tags } from '../payload.js';
import { openCodec } from '../registry.js';

it('a payload of a few bytes that claims all places of a large tensor is refused before anything so large is made', () => {
  const claimed = 1 << 26;
  const tag = tags.raw + stageTags.topk + stageTags.sparse;
  const empty = tensorOf('f32', [0], new Float32Array(0));
  const claim = (_tensor: unknown, out: ByteWriter): void => {
    // All of the places of topk, and of those of sparse.
    out.u8(0);
    out.u8(0);
  };
  const payload = sealPayload(tag, { ...empty, shape: [claimed] }, typescriptKernels.checksum, claim);
  expect(payload.length).toBe(12);
  const codec = openCodec('topk+sparse+raw');
  const before = process.memoryUsage().arrayBuffers;
  expect(() => codec.decode(payload, { maxElements: claimed })).toThrow(
    expect.objectContaining({ code: 'CUT_CODEC_PAYLOAD' }),
  );
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
});
