import { attribute, buildModel, node, tensorValue } from '@cutpoint/graph';
import { runError } from '@cutpoint/runtime';
import * as ort from 'onnxruntime-node';
import { openGraph } from '../decode/open-session.js';

/** Computes how far off products are: the runtime multiplies faster than JavaScript does. */
export class OutputError implements AsyncDisposable {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  static async open(threads: number): Promise<OutputError> {
    const graph = buildModel({
      inputs: [tensorValue('inputs', 'f32', ['n', 'columns']), tensorValue('errors', 'f32', ['rows', 'columns'])],
      outputs: [tensorValue('sum', 'f32', [])],
      nodes: [
        node(
          'FusedMatMul',
          ['inputs', 'errors'],
          ['products'],
          { transB: attribute.int(1) },
          { domain: 'com.microsoft' },
        ),
        node('ReduceSumSquare', ['products'], ['sum'], { keepdims: attribute.int(0) }),
      ],
      domains: { 'com.microsoft': 1 },
    });
    return new OutputError(await openGraph(graph, '', { threads, reorder: true }));
  }

  /** The sum of squares of `inputs` [n, columns] times the transpose of `errors` [rows, columns]. @throws CutpointError CUT_RUN */
  async of(inputs: Float32Array, errors: Float32Array, columns: number): Promise<number> {
    const matrix = (values: Float32Array) => new ort.Tensor('float32', values, [values.length / columns, columns]);
    const feeds = { inputs: matrix(inputs), errors: matrix(errors) };
    const { sum } = await this.#session.run(feeds).catch((thrown: unknown) => {
      throw runError(thrown);
    });
    return Number(sum?.data[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}
