import { clone, create } from '@bufbuild/protobuf';
import { CutpointError } from '@cutpoint/core';
import type { Model } from './model.js';
import { ModelProtoSchema, StringStringEntryProtoSchema } from './onnx_pb.js';
import { type ExternalRange, externalRange, isExternal, weightTensors } from './weights.js';

/**
 * A copy of a model whose external weights lie elsewhere.
 * @param place the new place of each range; called once per external weight, in the model's order.
 */
export function relocateExternal(model: Model, place: (from: ExternalRange) => Omit<ExternalRange, 'length'>): Model {
  const copy = clone(ModelProtoSchema, model);
  const { graph } = copy;
  if (graph === undefined) throw new CutpointError('CUT_INTERNAL', 'A model lost its graph when it was copied.');
  for (const tensor of weightTensors(graph)) {
    if (!isExternal(tensor)) continue;
    const from = externalRange(tensor);
    const to = place(from);
    tensor.externalData = Object.entries({ ...to, length: from.length }).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value: String(value) }),
    );
  }
  return Object.assign(copy, { graph });
}
