import { CutpointError } from '@cutpoint/core';
import { node } from './build.js';
import { attribute } from './build-attributes.js';
import { type Dimension, tensorValue, weight } from './build-values.js';
import { changed } from './changed.js';
import { dtypeOf } from './element-types.js';
import type { Model } from './model.js';
import type { NodeProto, ValueInfoProto } from './onnx_pb.js';

/** How the pixels of a picture become an input of a model: `(pixel * scale - mean) / std`, channel by channel. */
export interface Preprocessing {
  /** The model's input that it makes: f32, [batch, channels, height, width]. */
  readonly input: string;
  /** What the input of pixels is called that takes its place: u8. */
  readonly pixels: string;
  /** The order of the pixels' dimensions. */
  readonly layout: 'nhwc' | 'nchw';
  readonly scale: number;
  /** One for each channel, or one for all. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * A model that takes pixels: its preprocessing as its first nodes. Pixels are a quarter of the bytes of the input that
 * is made of them, and so the smallest exact form in which it can cross a cut.
 * @throws CutpointError CUT_PREPROCESSING if the model has no such input, or the channels do not fit.
 */
export function prependPreprocessing(model: Model, spec: Preprocessing): Model {
  const input = model.graph.input.find(({ name }) => name === spec.input);
  if (input === undefined) throw wrong(spec, 'the model has no such input');
  const { batch, channels, height, width } = dimensionsOf(input, spec);
  for (const values of [spec.mean, spec.std]) {
    if (values.length === 1 || values.length === channels) continue;
    throw wrong(spec, `there are ${values.length} values for ${channels} channels`);
  }
  if (spec.std.includes(0)) throw wrong(spec, 'a standard deviation is 0');
  const shape = spec.layout === 'nhwc' ? [batch, height, width, channels] : [batch, channels, height, width];
  const { graph } = model;
  return changed(model, {
    graph: changed(graph, {
      input: graph.input.map((given) => (given === input ? tensorValue(spec.pixels, 'u8', shape) : given)),
      node: [...nodesOf(spec), ...graph.node],
      initializer: [...graph.initializer, ...weightsOf(spec)],
    }),
  });
}

const inner = (spec: Preprocessing, what: string): string => `${spec.pixels}.${what}`;

function nodesOf(spec: Preprocessing): NodeProto[] {
  const planes = spec.layout === 'nhwc' ? inner(spec, 'planes') : spec.pixels;
  const numbers = inner(spec, 'numbers');
  const scaled = inner(spec, 'scaled');
  const f32 = 1;
  return [
    ...(spec.layout === 'nhwc'
      ? [node('Transpose', [spec.pixels], [planes], { perm: attribute.ints([0, 3, 1, 2]) })]
      : []),
    node('Cast', [planes], [numbers], { to: attribute.int(f32) }),
    node('Mul', [numbers, inner(spec, 'factor')], [scaled]),
    node('Add', [scaled, inner(spec, 'offset')], [spec.input]),
  ];
}

function weightsOf(spec: Preprocessing) {
  const channels = Math.max(spec.mean.length, spec.std.length);
  const at = (values: readonly number[], channel: number) => values[values.length === 1 ? 0 : channel] ?? 0;
  const shape = [1, channels, 1, 1];
  const factor = Float32Array.from({ length: channels }, (_, c) => spec.scale / at(spec.std, c));
  const offset = Float32Array.from({ length: channels }, (_, c) => -at(spec.mean, c) / at(spec.std, c));
  return [weight(inner(spec, 'factor'), 'f32', shape, factor), weight(inner(spec, 'offset'), 'f32', shape, offset)];
}

function dimensionsOf(input: ValueInfoProto, spec: Preprocessing) {
  const type = input.type?.value;
  if (type?.case !== 'tensorType' || dtypeOf(type.value.elemType) !== 'f32') throw wrong(spec, 'it is not of f32');
  const [batch, channels, height, width, ...more] = (type.value.shape?.dim ?? []).map(({ value }): Dimension => {
    if (value.case === 'dimValue') return Number(value.value);
    return value.case === 'dimParam' && value.value !== '' ? value.value : null;
  });
  if (batch === undefined || height === undefined || width === undefined || more.length > 0) {
    throw wrong(spec, 'it does not have the four dimensions batch, channels, height and width');
  }
  if (typeof channels !== 'number') throw wrong(spec, 'its number of channels is not fixed');
  return { batch, channels, height, width };
}

function wrong({ input }: Preprocessing, why: string): CutpointError {
  return new CutpointError('CUT_PREPROCESSING', `The preprocessing of the input "${input}" does not fit: ${why}.`);
}
