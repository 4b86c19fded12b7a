import { clone } from '@bufbuild/protobuf';
import { node } from './build.js';
import { attribute } from './build-attributes.js';
import { weight } from './build-values.js';
import { changed } from './changed.js';
import type { CutList } from './cuts.js';
import { cutAt } from './extract.js';
import type { Model } from './model.js';
import { type NodeProto, NodeProtoSchema } from './onnx_pb.js';

/** Lowest opset with the sequence operators that `storeCrossing` needs. */
export const storingOpset = 11n;

/**
 * The whole model, in which every crossing tensor of some cuts is stored before the nodes behind the cut read it: it
 * passes through a sequence of one, which no runtime keeps in another precision. A runtime that computes f16 in f32
 * and rounds only what is stored (onnxruntime on CPUs) then rounds where the split rounds; an output, an `Identity` or
 * a pair of casts would not do, since it sees through them. Bodies of control flow that capture a crossing tensor read
 * it unstored.
 * @throws CutpointError CUT_ILLEGAL_CUT
 */
export function storeCrossing(list: CutList, at: readonly number[]): Model {
  const { graph, order } = list;
  const nodes = graph.nodes.map(({ proto }) => clone(NodeProtoSchema, proto));
  const positions = new Map(order.map((node, position) => [node, position]));
  const stores = new Map<string, NodeProto[]>();
  for (const cut of at.map((index) => cutAt(list, index))) {
    for (const { name } of cut.tensors) {
      const chain = stores.get(name) ?? [];
      const stored = `${name}@cut${cut.index}`;
      const source = chain.at(-1)?.output[0] ?? name;
      stores.set(name, [...chain, ...storeNodes(source, stored)]);
      for (const [index, node] of nodes.entries()) {
        if ((positions.get(index) ?? -1) < cut.position) continue;
        node.input = node.input.map((input) => (input === source ? stored : input));
      }
    }
  }
  const fromInputs = graph.inputs.flatMap(({ name }) => stores.get(name) ?? []);
  const inPlace = nodes.flatMap((node) => [node, ...node.output.flatMap((name) => stores.get(name) ?? [])]);
  const { model } = graph;
  return changed(model, { graph: changed(model.graph, { node: [...fromInputs, ...inPlace] }) });
}

function storeNodes(source: string, stored: string): NodeProto[] {
  const index = weight(`${stored}.index`, 'i64', [], new BigInt64Array([0n]));
  return [
    node('Constant', [], [index.name], { value: attribute.tensor(index) }),
    node('SequenceConstruct', [source], [`${stored}.sequence`]),
    node('SequenceAt', [`${stored}.sequence`, index.name], [stored]),
  ];
}
