import { expect, it } from 'vitest';
import { z } from 'zod';
import { modelSettings, segmentOptionsOf } from './model-settings.js';

const schema = z.object(modelSettings);

it('a segment is loaded with what the settings say', () => {
  const settings = schema.parse({ model: 'm.onnx', threads: 3, isolate: true, maxQueue: 5, stuckMs: 70 });
  expect(segmentOptionsOf(settings)).toMatchObject({ threads: 3, isolation: 'process', maxQueue: 5, stuckMs: 70 });
});

it('a cancelled inference has half a minute unless told otherwise', () => {
  expect(segmentOptionsOf(schema.parse({ model: 'm.onnx' }))).toMatchObject({ isolation: 'thread', stuckMs: 30_000 });
});
