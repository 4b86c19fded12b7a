import { clone } from '@bufbuild/protobuf';
import { node } from './build.js';
import { attribute } from './build-attributes.js';
import { weight } from './build-values.js';
import { changed } from './changed.js';
import type { Cut, CutList } from './cuts.js';
import { cutAt } from './extract.js';
import { nodeAt } from './graph.js';
import type { Model } from './model.js';
import { neededNodes } from './needed.js';
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
  /** Nodes to insert behind the one that gives a value. */
  const inserted = new Map<string, NodeProto[]>();
  /** What each value is called behind the cuts so far. */
  const latest = new Map<string, string>();
  const latestOf = (name: string) => latest.get(name) ?? name;
  for (const cut of at.map((index) => cutAt(list, index))) {
    const renamed = new Map<string, string>();
    const replace = (name: string, behind: string, by: NodeProto[]) => {
      inserted.set(behind, [...(inserted.get(behind) ?? []), ...by]);
      renamed.set(latestOf(name), `${name}@cut${cut.index}`);
      latest.set(name, `${name}@cut${cut.index}`);
    };
    for (const { name } of cut.tensors) replace(name, name, storeNodes(latestOf(name), `${name}@cut${cut.index}`));
    for (const view of viewsBehind(list, cut)) {
      const { proto, gives } = nodeAt(graph, view);
      const copy = clone(NodeProtoSchema, proto);
      copy.input = copy.input.map(latestOf);
      copy.output = copy.output.map((name) => (name === '' ? '' : `${name}@cut${cut.index}`));
      for (const [i, name] of gives.entries()) replace(name, gives[0] ?? name, i === 0 ? [copy] : []);
    }
    for (const node of order.slice(cut.position).map((index) => nodes[index])) {
      if (node !== undefined) node.input = node.input.map((name) => renamed.get(name) ?? name);
    }
  }
  const fromInputs = graph.inputs.flatMap(({ name }) => inserted.get(name) ?? []);
  const inPlace = nodes.flatMap((node) => [node, ...node.output.flatMap((name) => inserted.get(name) ?? [])]);
  const { model } = graph;
  return changed(model, { graph: changed(model.graph, { node: [...fromInputs, ...inPlace] }) });
}

/** Views that lie before a cut and are computed again behind it, as they were replaced by what they are made of. */
function viewsBehind({ graph, order }: CutList, { position, tensors }: Cut): number[] {
  const before = new Set(order.slice(0, position));
  const wanted = order.slice(position).flatMap((index) => nodeAt(graph, index).needs);
  const crossing = new Set(tensors.map((tensor) => tensor.name));
  return neededNodes(graph, wanted, crossing).filter((index) => before.has(index));
}

function storeNodes(source: string, stored: string): NodeProto[] {
  const index = weight(`${stored}.index`, 'i64', [], new BigInt64Array([0n]));
  return [
    node('Constant', [], [index.name], { value: attribute.tensor(index) }),
    node('SequenceConstruct', [source], [`${stored}.sequence`]),
    node('SequenceAt', [`${stored}.sequence`, index.name], [stored]),
  ];
}
