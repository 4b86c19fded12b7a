import { CutpointError, type NamedTensors, tensorOf } from '@cutpoint/core';

export interface HttpQuestion {
  readonly model: string;
  readonly id: string;
  readonly input: NamedTensors;
  /** What the server may take. */
  readonly leftMs: number;
  /** How long the caller waits for it. */
  readonly deadlineMs: number;
}

export interface HttpAnswer {
  readonly outputs: NamedTensors;
  /** Where the time went: the same if it was not computed anew. */
  readonly timing: string;
  /** The devices that took part. */
  readonly path: string;
}

/** Asks by KServe v2 with binary tensors. @throws CutpointError with the code of the answer, CUT_CONNECTION_LOST without one */
export async function inferOverHttp(
  url: string,
  { model, id, input, leftMs, deadlineMs }: HttpQuestion,
): Promise<HttpAnswer> {
  const [only] = input;
  if (only === undefined) throw new Error('The model has an input.');
  const [name, { shape, data }] = only;
  const json = Buffer.from(
    JSON.stringify({
      id,
      parameters: { timeout: Math.max(1, Math.round(leftMs * 1_000)), binary_data_output: true },
      inputs: [{ name, shape, datatype: 'FP32', parameters: { binary_data_size: data.byteLength } }],
    }),
  );
  const answer = await fetch(`${url}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(json.length),
    },
    body: Buffer.concat([json, data]),
    signal: AbortSignal.timeout(Math.max(1, Math.round(deadlineMs))),
  }).then(
    async (response) => ({ response, body: Buffer.from(await response.arrayBuffer()) }),
    (cause: unknown) => {
      const timedOut = cause instanceof Error && cause.name === 'TimeoutError';
      throw new CutpointError(timedOut ? 'CUT_DEADLINE' : 'CUT_CONNECTION_LOST', String(cause), { cause });
    },
  );
  const { response, body } = answer;
  if (!response.ok) {
    const { code = 'CUT_HTTP' } = JSON.parse(body.toString()) as { code?: 'CUT_HTTP' };
    throw new CutpointError(code, `${response.status}: ${body}`);
  }
  const jsonLength = Number(response.headers.get('inference-header-content-length'));
  const head = JSON.parse(body.subarray(0, jsonLength).toString()) as {
    outputs: { name: string; shape: number[] }[];
  };
  const [output] = head.outputs;
  if (output === undefined) throw new Error('The model has an output.');
  const values = new Float32Array(new Uint8Array(body.subarray(jsonLength)).buffer);
  const timing = response.headers.get('server-timing') ?? '';
  const devices = [...timing.matchAll(/segment\d+-compute;desc="([^"]*)"/g)].map(([, device]) => device);
  return {
    outputs: new Map([[output.name, tensorOf('f32', output.shape, values)]]),
    timing,
    path: devices.join(' > '),
  };
}
