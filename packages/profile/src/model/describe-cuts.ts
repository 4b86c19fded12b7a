import type { CutList } from '@cutpoint/graph';
import { valueBytes } from '@cutpoint/graph';
import type { ModelProfile } from '@cutpoint/plan';

/** Every cut as a profile lists it. */
export function describeCuts({ graph, order, shapes, cuts }: CutList): ModelProfile['cuts'] {
  const places = new Map(order.map((index, place) => [index, place]));
  const answers = graph.outputs.map(({ name }) => {
    const bytes = valueBytes(shapes, name);
    // What depends on weights alone has no place in the order: it is known from the start.
    const place = places.get(graph.producers.get(name) ?? -1) ?? -1;
    return { place, bytes: Number.isFinite(bytes) ? bytes : 0 };
  });
  return cuts.map(({ index, position, name, tensors, bytes, frontWeightBytes }) => ({
    index,
    name: name.slice(0, 1000),
    bytes,
    f32Bytes: sum(tensors.filter(({ dtype }) => dtype === 'f32').map((tensor) => tensor.bytes)),
    answerBytes: sum(answers.filter(({ place }) => place >= position).map((answer) => answer.bytes)),
    frontWeightBytes,
  }));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
