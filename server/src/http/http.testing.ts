import { Writable } from 'node:stream';
import {
  type CancelSignal,
  CutpointError,
  cancelReason,
  f32Values,
  onCancel,
  tensorOf,
  valuesOf,
} from '@cutpoint/core';
import { type HttpOptions, type HttpServer, startHttp } from '@cutpoint/http';
import { pino } from 'pino';
import type { InferAnswer, InferOptions, ModelInfo, Models } from './models.js';
import { type ModelDoorOptions, modelDoor } from './serve-models.js';

/** What the server logged, line by line. */
export type Logged = readonly Readonly<Record<string, unknown>>[];

/** The API on a free port of loopback, with what it logged. Callers on this machine may do everything. */
export async function startTestHttp(
  models: Models,
  {
    fleet,
    extend,
    limits,
    health = () => ({ ready: true }),
    ...options
  }: Partial<Omit<HttpOptions, 'limits'> & ModelDoorOptions> = {},
): Promise<HttpServer & { readonly logged: Logged }> {
  const logged: Record<string, unknown>[] = [];
  const lines = new Writable({
    write(line, _encoding, done) {
      logged.push(JSON.parse(String(line)));
      done();
    },
  });
  const door = modelDoor({
    models,
    health,
    log: pino({ level: 'debug' }, lines),
    ...(fleet === undefined ? {} : { fleet }),
    ...(extend === undefined ? {} : { extend }),
    ...(limits === undefined ? {} : { limits }),
  });
  const server = await startHttp({
    host: '127.0.0.1',
    port: 0,
    access: { anonymous: { from: 'loopback', scopes: ['admin'] } },
    graceMs: 1_000,
    ...door,
    ...options,
  });
  return Object.assign(server, { logged });
}

/**
 * The model of the specification's examples, which computes output0 = input0 / 2 + input1, each repeated to [3, 2]; and
 * `echo`, which gives back whatever comes in.
 */
export class ExampleModels implements Models {
  /** Requests that were computed. */
  computed = 0;
  /** Awaited before an answer is given. */
  hold: (signal: CancelSignal) => Promise<void> = async () => undefined;
  ready = true;
  /** The version of `mymodel` that computes answers. */
  answersAs = '7';
  seen: InferOptions | undefined;

  list(): readonly ModelInfo[] {
    const { ready } = this;
    return [
      {
        name: 'mymodel',
        version: '7',
        platform: 'test',
        ready,
        inputs: [
          { name: 'input0', dtype: 'u32', shape: [2, 2] },
          { name: 'input1', dtype: 'bool', shape: ['count'] },
        ],
        outputs: [
          { name: 'output0', dtype: 'f32', shape: [3, 2] },
          { name: 'output1', dtype: 'u32', shape: [null] },
        ],
      },
      { name: 'echo', platform: 'test', ready, inputs: [], outputs: [] },
    ];
  }

  async infer(name: string, tensors: Parameters<Models['infer']>[1], options: InferOptions): Promise<InferAnswer> {
    this.computed += 1;
    this.seen = options;
    await this.hold(options.signal);
    const timing = {
      segments: [
        { queueMs: 1, inputMs: 2, computeMs: 3, outputMs: 4 },
        { queueMs: 5, computeMs: 6 },
      ],
      links: [{ codecMs: 7, sendMs: 8 }],
    };
    const way = { timing, path: ['pi-1', 'pi-2'] };
    if (name === 'echo') return { outputs: tensors, ...way };
    const version = this.answersAs;
    const [first, second] = [tensors.get('input0'), tensors.get('input1')];
    if (first === undefined || second === undefined) throw new CutpointError('CUT_INPUT', 'An input is missing.');
    const [numbers, flags] = [valuesOf(first), valuesOf(second)];
    const values = Float32Array.from({ length: 6 }, (_, i) => Number(numbers[i % 4]) / 2 + Number(flags[i % 3]));
    const all = new Map([
      ['output0', tensorOf('f32', [3, 2], values)],
      ['output1', first],
    ]);
    const wanted = options.outputs ?? [...all.keys()];
    return { outputs: new Map([...all].filter(([output]) => wanted.includes(output))), version, ...way };
  }
}

/** Never ends, but for the signal. */
export function forever(signal: CancelSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    onCancel(signal, () => reject(cancelReason(signal)));
  });
}

/** The inference request of the specification, whose BOOL input lacks two of its three elements there. */
export const example = {
  id: '42',
  inputs: [
    { name: 'input0', shape: [2, 2], datatype: 'UINT32', data: [1, 2, 3, 4] },
    { name: 'input1', shape: [3], datatype: 'BOOL', data: [true, false, true] },
  ],
  outputs: [{ name: 'output0' }],
};
export const exampleAnswer = [1.5, 1, 2.5, 3, 0.5, 2];

export async function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return await fetch(url, { method: 'POST', body: text, headers, signal: AbortSignal.timeout(20_000) });
}

export function postBinary(url: string, json: unknown, bytes: Uint8Array): Promise<Response> {
  const head = Buffer.from(JSON.stringify(json));
  return fetch(url, {
    method: 'POST',
    body: Buffer.concat([head, bytes]),
    headers: { 'Inference-Header-Content-Length': String(head.length), 'content-type': 'application/octet-stream' },
    signal: AbortSignal.timeout(20_000),
  });
}

/** The f32 output behind the JSON of a binary answer. */
export async function binaryAnswer(response: Response): Promise<{ json: unknown; values: number[] }> {
  const body = Buffer.from(await response.arrayBuffer());
  const length = Number(response.headers.get('inference-header-content-length'));
  const data = new Uint8Array(body.subarray(length));
  return {
    json: JSON.parse(body.subarray(0, length).toString()),
    values: [...f32Values({ dtype: 'f32', shape: [data.length / 4], data })],
  };
}
