import { expect, it } from 'vitest';
import { z } from 'zod';
import { modelSettings, segmentOptionsOf } from './model-settings.js';

const schema = z.object(modelSettings);
const silent = { warn: () => undefined };

it('a segment is loaded with what the settings say', () => {
  const settings = schema.parse({ model: 'm.onnx', threads: 3, isolate: true, maxQueue: 5, stuckMs: 70 });
  expect(segmentOptionsOf(settings, silent)).toMatchObject({
    threads: 3,
    isolation: 'process',
    maxQueue: 5,
    stuckMs: 70,
  });
});

it('a cancelled inference has half a minute unless told otherwise', () => {
  expect(segmentOptionsOf(schema.parse({ model: 'm.onnx' }), silent)).toMatchObject({
    isolation: 'thread',
    stuckMs: 30_000,
  });
});

it('what is said of providers goes to the log', () => {
  const said: unknown[] = [];
  const { onNotice } = segmentOptionsOf(schema.parse({ model: 'm.onnx' }), {
    warn: (...args: unknown[]) => said.push(...args),
  });
  onNotice('webgpu is not used.');
  expect(said).toEqual(['webgpu is not used.']);
});
