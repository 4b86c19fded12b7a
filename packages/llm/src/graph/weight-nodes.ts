import { CutpointError } from '@cutpoint/core';
import { attribute, buildModel, externalWeight, type Model, node, type onnx, weight } from '@cutpoint/graph';
import type { FileSpan, PackagePart, StoredWeight } from '../package/package-manifest.js';

/** What a graph is made of, in the order of running; collected while its layers are written. */
export class GraphDraft {
  readonly nodes: onnx.NodeProto[] = [];
  readonly leaves: onnx.NodeProto[] = [];
  readonly initializers: onnx.TensorProto[] = [];
  readonly inputs: onnx.ValueInfoProto[] = [];
  readonly outputs: onnx.ValueInfoProto[] = [];

  /** Adds a node and gives the name of its first output. */
  add(...[op, inputs, outputs, attributes, options]: Parameters<typeof node>): string {
    this.nodes.push(node(op, inputs, outputs, attributes, { name: outputs[0] ?? '', ...options }));
    return outputs[0] ?? '';
  }

  /** Adds a node of which no other node takes anything. */
  addLeaf(...[op, inputs, outputs, attributes]: Parameters<typeof node>): void {
    this.leaves.push(node(op, inputs, outputs, attributes, { name: outputs[0] ?? '' }));
  }

  /**
   * All nodes, leaves last and the first leaf at the very end: onnxruntime runs what the last leaf needs, the leaf, what the one
   * before it needs, and so on. In any other order the leaves of all layers run at the end of a pass, and what they take lies
   * in memory until then.
   */
  get ordered(): onnx.NodeProto[] {
    return [...this.nodes, ...this.leaves.toReversed()];
  }

  /** Adds a constant list of whole numbers. */
  sizes(name: string, values: readonly number[]): void {
    this.initializers.push(weight(name, 'i64', [values.length], new BigInt64Array(values.map(BigInt))));
  }

  /** The graph. */
  build(): Model {
    const { inputs, outputs, initializers } = this;
    return buildModel({ inputs, outputs, nodes: this.ordered, initializers, domains: { 'com.microsoft': 1 } });
  }

  /** Adds a node of onnxruntime's own operators. */
  microsoft(op: string, inputs: readonly string[], outputs: readonly string[], attributes = {}): string {
    return this.add(op, inputs, outputs, attributes, { domain: 'com.microsoft' });
  }
}

/** The weights of one part of a package, as values and nodes of a graph. Names begin with `prefix`. */
export class PartWeights<Name extends string> {
  readonly #draft: GraphDraft;
  readonly #part: PackagePart<Name>;
  readonly #prefix: string;

  constructor(draft: GraphDraft, part: PackagePart<Name>, prefix: string) {
    this.#draft = draft;
    this.#part = part;
    this.#prefix = prefix;
  }

  has(name: Name): boolean {
    return this.#part.weights[name] !== undefined;
  }

  /** A vector (a norm's weight, a bias) as an f32 value. @throws CutpointError CUT_PACKAGE */
  vector(name: Name): string {
    const stored = this.#stored(name);
    if (stored.kind === 'float') return this.#floats(name, stored);
    throw new CutpointError(
      'CUT_PACKAGE',
      `The weight '${name}' in ${this.#part.path} is a vector and must be floats.`,
    );
  }

  /**
   * `input` [..., columns] times the transpose of the matrix [rows, columns], plus the bias if one is named: [..., rows].
   * @throws CutpointError CUT_PACKAGE
   */
  multiply(input: string, name: Name, output: string, biasName?: Name): string {
    const stored = this.#stored(name);
    const bias = biasName !== undefined && this.has(biasName) ? this.vector(biasName) : '';
    if (stored.kind === 'blocks') {
      const inputs = [input, ...this.#blocks(name, stored), ...(bias === '' ? [] : ['', bias])];
      const { bits, block, rows, columns } = stored;
      return this.#draft.microsoft('MatMulNBits', inputs, [output], {
        K: attribute.int(columns),
        N: attribute.int(rows),
        bits: attribute.int(bits),
        block_size: attribute.int(block),
        // Activations in 8 bits: all other levels are two times slower or worse.
        accuracy_level: attribute.int(4),
      });
    }
    const matrix = this.#floats(name, stored);
    const product = bias === '' ? output : `${output}.unbiased`;
    this.#draft.microsoft('FusedMatMul', [input, matrix], [product], { transB: attribute.int(1) });
    return bias === '' ? product : this.#draft.add('Add', [product, bias], [output]);
  }

  #stored(name: Name): StoredWeight {
    const stored = this.#part.weights[name];
    if (stored !== undefined) return stored;
    throw new CutpointError('CUT_PACKAGE', `The package's file ${this.#part.path} lacks the weight '${name}'.`);
  }

  #floats(name: Name, { dtype, shape, span }: StoredWeight & { kind: 'float' }): string {
    const value = `${this.#prefix}.weight.${name}`;
    this.#external(value, dtype, shape, span);
    return dtype === 'f32' ? value : this.#draft.add('Cast', [value], [`${value}.f32`], { to: attribute.int(1) });
  }

  #blocks(name: Name, stored: StoredWeight & { kind: 'blocks' }): string[] {
    const { bits, block, rows, columns, codes, scales, zeroPoints } = stored;
    const count = Math.ceil(columns / block);
    const value = `${this.#prefix}.weight.${name}`;
    this.#external(`${value}.codes`, 'u8', [rows, count, (block * bits) / 8], codes);
    this.#external(`${value}.scales`, 'f32', [rows, count], scales);
    if (zeroPoints === null) return [`${value}.codes`, `${value}.scales`, ''];
    this.#external(`${value}.zeros`, 'u8', [rows, Math.ceil((count * bits) / 8)], zeroPoints);
    return [`${value}.codes`, `${value}.scales`, `${value}.zeros`];
  }

  #external(value: string, dtype: 'f32' | 'f16' | 'u8', shape: readonly number[], { offset }: FileSpan): void {
    this.#draft.initializers.push(externalWeight(value, dtype, shape, { location: this.#part.path, offset }));
  }
}
