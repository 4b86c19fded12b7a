import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cut, type CutList, listCuts } from './cuts.js';
import { extractSegments } from './extract.js';
import { indexGraph, nodeAt } from './graph.js';
import { interpret } from './interpret.testing.js';
import { type RandomGraph, randomGraph } from './random-graph.testing.js';
import { valueBytes } from './shapes.js';
import { storeCrossing } from './stored-cut.js';
import { weightBytes, weightTensors } from './weights.js';

const withViews = randomGraph({ views: true });
const withoutViews = randomGraph({ views: false });
const runs = { numRuns: 400 };

const replayed = new Set(['Identity', 'Reshape', 'Cast', 'Expand', 'Concat', 'Split']);

const listOf = ({ graph, shapes }: RandomGraph) => listCuts(graph, shapes);

/** Any ascending list of cuts of a graph. */
const withCuts = withViews.chain((random) => {
  const list = listOf(random);
  return fc.record({
    random: fc.constant(random),
    list: fc.constant(list),
    at: fc.subarray(list.cuts.map((cut) => cut.index)),
  });
});

/** By definition: the values that are there before the position and used after it. */
function crossingByDefinition({ graph, order }: CutList, { position }: Cut): string[] {
  const gives = (node: number) => nodeAt(graph, node).gives;
  const before = [...graph.inputs.map((input) => input.name), ...order.slice(0, position).flatMap(gives)];
  const after = new Set(order.slice(position).flatMap((node) => nodeAt(graph, node).needs));
  return before.filter((name) => after.has(name));
}

describe('segments', () => {
  it('give exactly what the whole model gives, between any cuts, from nothing but what crosses', () => {
    fc.assert(
      fc.property(withCuts, ({ random: { graph, feeds }, list, at }) => {
        const answers = new Map<string, number>();
        let there: ReadonlyMap<string, number> = feeds;
        for (const segment of extractSegments(list, at)) {
          const computed = segment.model === null ? new Map() : interpret(segment.model, there);
          const all = new Map([...there, ...computed]);
          for (const name of segment.answers) answers.set(name, Number(all.get(name)));
          expect(segment.receives.every((name) => there.has(name))).toBe(true);
          there = new Map(segment.sends.map((name) => [name, Number(all.get(name))]));
        }
        expect(answers).toEqual(interpret(graph.model, feeds));
      }),
      runs,
    );
  });

  it('compute nothing twice but views, casts and constants', () => {
    fc.assert(
      fc.property(withCuts, ({ random: { graph }, list, at }) => {
        const times = new Map<string, number>();
        for (const { model } of extractSegments(list, at)) {
          for (const { output, opType } of model?.graph.node ?? []) {
            const [name = ''] = output;
            if (replayed.has(opType) || graph.isConstant(name)) continue;
            times.set(name, (times.get(name) ?? 0) + 1);
          }
        }
        const computed = list.order.filter((node) => !replayed.has(nodeAt(graph, node).proto.opType));
        expect(times).toEqual(new Map(computed.map((node) => [nodeAt(graph, node).gives[0], 1])));
      }),
      runs,
    );
  });

  it('are numbered, neighbours agree on what crosses, and every answer is given once', () => {
    fc.assert(
      fc.property(withCuts, ({ random: { graph }, list, at }) => {
        const segments = extractSegments(list, at);
        expect(segments.map((segment) => segment.index)).toEqual([...at, 0].map((_, i) => i));
        for (const [i, segment] of segments.slice(1).entries()) expect(segment.receives).toEqual(segments[i]?.sends);
        const answers = segments.flatMap((segment) => segment.answers).sort();
        expect(answers).toEqual(graph.outputs.map((output) => output.name).sort());
      }),
      runs,
    );
  });
});

describe('storeCrossing', () => {
  it('changes no answer, and nodes behind a cut read what crosses it only as it was stored', () => {
    fc.assert(
      fc.property(withCuts, ({ random: { graph, feeds }, list, at }) => {
        const model = storeCrossing(list, at);
        expect(interpret(model, feeds)).toEqual(interpret(graph.model, feeds));
        const stored = indexGraph(model);
        const last = list.cuts[at.at(-1) ?? -1];
        const behind = list.order.slice(last?.position ?? list.order.length).map((node) => nodeAt(graph, node).proto);
        const computedBehind = new Set(behind.flatMap((node) => node.output));
        for (const { output, opType } of behind) {
          if (opType === 'If') continue;
          const [name = ''] = output;
          const { needs } = nodeAt(stored, stored.producers.get(name) ?? -1);
          const outer = needs.filter((need) => !computedBehind.has(need) && !graph.isConstant(need));
          expect(outer.filter((need) => !need.endsWith(`@cut${last?.index}`))).toEqual([]);
        }
      }),
      runs,
    );
  });
});

describe('cuts', () => {
  it('let exactly the values cross that are used on the other side, where nothing is replaced', () => {
    fc.assert(
      fc.property(withoutViews, (random) => {
        const list = listOf(random);
        expect(list.cuts).toHaveLength(list.order.length + 1);
        for (const cut of list.cuts) {
          expect(cut.tensors.map((tensor) => tensor.name)).toEqual(crossingByDefinition(list, cut));
        }
      }),
      runs,
    );
  });

  it('never let more bytes cross than without replacement, and name each tensor once', () => {
    fc.assert(
      fc.property(withViews, (random) => {
        const list = listOf(random);
        for (const cut of list.cuts) {
          const plain = crossingByDefinition(list, cut).reduce((sum, name) => sum + valueBytes(random.shapes, name), 0);
          expect(cut.bytes).toBeLessThanOrEqual(plain);
          expect(cut.bytes).toBe(cut.tensors.reduce((sum, tensor) => sum + tensor.bytes, 0));
          expect(new Set(cut.tensors.map((tensor) => tensor.name)).size).toBe(cut.tensors.length);
        }
      }),
      runs,
    );
  });

  it('leave no crossing tensor that is a view of the others', () => {
    fc.assert(
      fc.property(withViews, (random) => {
        const { graph, cuts } = listOf(random);
        for (const { tensors } of cuts) {
          const names = new Set(tensors.map((tensor) => tensor.name));
          for (const name of names) {
            const producer = graph.producers.get(name);
            if (producer === undefined) continue;
            const { proto, needs } = nodeAt(graph, producer);
            const sources = needs.filter((need) => !graph.isConstant(need));
            expect(replayed.has(proto.opType) && sources.every((source) => names.has(source))).toBe(false);
          }
        }
      }),
      runs,
    );
  });

  it('follow an order that is topological and has every node that an output needs, once', () => {
    fc.assert(
      fc.property(withViews, (random) => {
        const { graph, order } = listOf(random);
        const known = new Set(graph.inputs.map((input) => input.name));
        for (const node of order) {
          const { needs, gives, constant } = nodeAt(graph, node);
          expect(constant).toBe(false);
          expect(needs.filter((name) => !known.has(name) && !graph.isConstant(name))).toEqual([]);
          for (const name of gives) known.add(name);
        }
        expect(new Set(order).size).toBe(order.length);
        expect(graph.outputs.filter(({ name }) => !known.has(name) && !graph.isConstant(name))).toEqual([]);
      }),
      runs,
    );
  });

  it('list crossing tensors in the order in which they come to be', () => {
    fc.assert(
      fc.property(withViews, (random) => {
        const { graph, order, cuts } = listOf(random);
        const inputs = graph.inputs.map((input) => input.name);
        const age = [...inputs, ...order.flatMap((node) => nodeAt(graph, node).gives)];
        for (const { tensors } of cuts) {
          const names = new Set(tensors.map((tensor) => tensor.name));
          expect([...names]).toEqual(age.filter((name) => names.has(name)));
        }
      }),
      runs,
    );
  });

  it('lie at the same places whatever the shapes are', () => {
    fc.assert(
      fc.property(withViews, ({ graph, shapes }) => {
        const larger = new Map(
          [...shapes].map(([name, type], i) => {
            return [name, type.kind === 'tensor' ? { ...type, shape: [1000 - 7 * i] } : type] as const;
          }),
        );
        const places = (list: CutList) => list.cuts.map(({ index, position, name }) => ({ index, position, name }));
        expect(places(listCuts(graph, larger))).toEqual(places(listCuts(graph, shapes)));
      }),
      runs,
    );
  });

  it('state the nodes and weights of the front segment as it is extracted', () => {
    fc.assert(
      fc.property(withViews, (random) => {
        const list = listOf(random);
        for (const cut of list.cuts) {
          const [front] = extractSegments(list, [cut.index]);
          const model = front?.model ?? null;
          const nodes = model === null ? [] : indexGraph(model).nodes.filter((node) => !node.constant);
          const weights = model === null ? [] : [...weightTensors(model.graph)];
          expect({ nodes: cut.frontNodes, bytes: cut.frontWeightBytes }).toEqual({
            nodes: nodes.length,
            bytes: weights.reduce((sum, tensor) => sum + weightBytes(tensor), 0),
          });
        }
      }),
      runs,
    );
  });
});
