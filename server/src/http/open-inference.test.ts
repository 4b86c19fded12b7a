import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { CutpointError } from '@cutpoint/core';
import type { HttpServer } from '@cutpoint/http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  binaryAnswer,
  ExampleModels,
  example,
  exampleAnswer,
  forever,
  postBinary,
  postJson,
  startTestHttp,
} from './http.testing.js';

const models = new ExampleModels();
let server: HttpServer;
let infer: string;
beforeAll(async () => {
  server = await startTestHttp(models, { limits: { timeoutMs: 5_000, maxElements: 1_000 } });
  infer = `${server.url}/v2/models/mymodel/infer`;
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  models.computed = 0;
  models.hold = async () => undefined;
  models.ready = true;
});

let lastId = 0;
/** The example without an id, or with one of its own. */
const anonymous = { ...example, id: undefined };
const fresh = () => ({ ...example, id: `own-${++lastId}` });

async function failure(response: Response): Promise<[number, string, string]> {
  const { error, code } = (await response.json()) as { error: string; code: string };
  return [response.status, code, error];
}

const u32 = (...values: number[]) => new Uint8Array(new Uint32Array(values).buffer);
const binaryExample = {
  inputs: [
    { name: 'input0', shape: [2, 2], datatype: 'UINT32', parameters: { binary_data_size: 16 } },
    { name: 'input1', shape: [3], datatype: 'BOOL', parameters: { binary_data_size: 3 } },
  ],
  outputs: [{ name: 'output0', parameters: { binary_data: true } }],
};
const binaryBytes = Buffer.concat([u32(1, 2, 3, 4), new Uint8Array([1, 0, 1])]);

describe('the server and its models', () => {
  it('describe themselves', async () => {
    const get = async (path: string) => await (await fetch(server.url + path)).json();
    expect(await get('/v2')).toMatchObject({ name: 'cutpoint', extensions: ['binary_tensor_data'] });
    expect(await get('/v2/')).toEqual(await get('/v2'));
    const described = {
      name: 'mymodel',
      versions: ['7'],
      platform: 'test',
      inputs: [
        { name: 'input0', datatype: 'UINT32', shape: [2, 2] },
        { name: 'input1', datatype: 'BOOL', shape: [-1] },
      ],
      outputs: [
        { name: 'output0', datatype: 'FP32', shape: [3, 2] },
        { name: 'output1', datatype: 'UINT32', shape: [-1] },
      ],
    };
    expect(await get('/v2/models/mymodel')).toEqual(described);
    expect(await get('/v2/models/mymodel/versions/7')).toEqual(described);
    expect(await get('/v2/health/live')).toEqual({ live: true });
    expect(await get('/v2/health/ready')).toEqual({ ready: true });
  });

  it('say whether a model is ready, by status and in words', async () => {
    for (const path of ['mymodel/ready', 'mymodel/versions/7/ready']) {
      models.ready = true;
      const ready = await fetch(`${server.url}/v2/models/${path}`);
      expect([ready.status, await ready.json()]).toEqual([200, { name: 'mymodel', ready: true }]);
      models.ready = false;
      const not = await fetch(`${server.url}/v2/models/${path}`);
      expect([not.status, await not.json()]).toEqual([503, { name: 'mymodel', ready: false }]);
    }
  });

  it('are not found under other names and versions', async () => {
    for (const path of ['other', 'mymodel/versions/8', 'echo/versions/1', 'other/infer']) {
      const response = await (path.endsWith('infer')
        ? postJson(`${server.url}/v2/models/${path}`, example)
        : fetch(`${server.url}/v2/models/${path}`));
      expect(await failure(response)).toEqual([404, 'CUT_NOT_FOUND', expect.stringContaining('"')]);
    }
    expect((await fetch(`${server.url}/v3`)).status).toBe(404);
  });
});

describe('an inference request', () => {
  it('as the specification shows it is answered with its id and the output it names', async () => {
    const response = await postJson(infer, example);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      model_name: 'mymodel',
      model_version: '7',
      id: '42',
      outputs: [{ name: 'output0', datatype: 'FP32', shape: [3, 2], data: exampleAnswer }],
    });
  });

  it('as the specification prints it, with one of three elements, is refused', async () => {
    const [first, second] = example.inputs;
    const printed = { ...example, inputs: [first, { ...second, data: [true] }] };
    expect(await failure(await postJson(infer, printed))).toEqual([
      400,
      'CUT_INPUT',
      expect.stringContaining('3 elements'),
    ]);
  });

  it('as the binary extension shows it is answered in binary', async () => {
    const response = await postBinary(infer, binaryExample, binaryBytes);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(await binaryAnswer(response)).toEqual({
      json: {
        model_name: 'mymodel',
        model_version: '7',
        outputs: [{ name: 'output0', datatype: 'FP32', shape: [3, 2], parameters: { binary_data_size: 24 } }],
      },
      values: exampleAnswer.map(Math.fround),
    });
  });

  it('gets all outputs where it names none, in the form it asks for', async () => {
    const { outputs } = (await (await postJson(infer, { ...anonymous, outputs: undefined })).json()) as {
      outputs: { name: string }[];
    };
    expect(outputs.map(({ name }) => name)).toEqual(['output0', 'output1']);
    const parameters = { binary_data_output: true };
    const mixed = {
      ...anonymous,
      parameters,
      outputs: [{ name: 'output1', parameters: { binary_data: false } }, { name: 'output0' }],
    };
    expect(await binaryAnswer(await postJson(infer, mixed))).toEqual({
      json: expect.objectContaining({
        outputs: [
          { name: 'output1', datatype: 'UINT32', shape: [2, 2], data: [1, 2, 3, 4] },
          { name: 'output0', datatype: 'FP32', shape: [3, 2], parameters: { binary_data_size: 24 } },
        ],
      }),
      values: exampleAnswer.map(Math.fround),
    });
  });

  it('carries every type in binary, and gets the same bytes back', async () => {
    const types = {
      BOOL: 1,
      UINT8: 1,
      UINT16: 2,
      UINT32: 4,
      UINT64: 8,
      INT8: 1,
      INT16: 2,
      INT32: 4,
      INT64: 8,
      FP16: 2,
      BF16: 2,
      FP32: 4,
      FP64: 8,
    };
    const inputs = Object.entries(types).map(([datatype, size]) => ({
      name: datatype,
      shape: [1, 3],
      datatype,
      parameters: { binary_data_size: 3 * size },
    }));
    const bytes = Buffer.concat(
      Object.entries(types).map(([type, size]) =>
        Uint8Array.from({ length: 3 * size }, (_, i) => (type === 'BOOL' ? i % 2 : 17 * i)),
      ),
    );
    const request = { parameters: { binary_data_output: true }, inputs };
    const response = await postBinary(`${server.url}/v2/models/echo/infer`, request, bytes);
    const body = Buffer.from(await response.arrayBuffer());
    const length = Number(response.headers.get('inference-header-content-length'));
    expect(body.subarray(length)).toEqual(bytes);
    const { outputs } = JSON.parse(body.subarray(0, length).toString());
    expect(outputs.map((output: { datatype: string }) => output.datatype)).toEqual(Object.keys(types));
  });

  it('may write null for what it leaves out', async () => {
    const inputs = example.inputs.map((input) => ({ ...input, parameters: null }));
    const response = await postJson(infer, { id: null, parameters: null, inputs, outputs: null });
    const answer = await response.json();
    expect(answer).toMatchObject({ outputs: [{ data: exampleAnswer }, {}] });
    expect(answer).not.toHaveProperty('id');
  });

  it('says where the time went', async () => {
    const timing = (await postJson(infer, anonymous)).headers.get('server-timing');
    expect(timing).toContain('segment0-queue;desc="pi-1";dur=1.000');
    expect(timing).toContain('segment1-compute;desc="pi-2";dur=6.000');
    expect(timing).toContain('link0-send;dur=8.000');
  });

  it('is taken whatever its content type says', async () => {
    for (const type of [
      'application/json',
      'application/octet-stream',
      'application/x-www-form-urlencoded',
      'text/plain',
    ]) {
      expect((await postJson(infer, anonymous, { 'content-type': type })).status, type).toBe(200);
    }
  });

  it('is refused with a reason where it is wrong', async () => {
    const [first, second] = example.inputs;
    const change = (input: object) => ({ ...anonymous, inputs: [{ ...first, ...input }, second] });
    const wrong: [unknown, number, string][] = [
      ['', 400, 'CUT_HTTP'],
      ['{', 400, 'CUT_HTTP'],
      ['{"__proto__": {"id": "1"}, "inputs": []}', 400, 'CUT_HTTP'],
      ['{"constructor": {"prototype": {}}, "inputs": []}', 400, 'CUT_HTTP'],
      ['[]', 400, 'CUT_INPUT'],
      [`${'['.repeat(1000)}${']'.repeat(1000)}`, 413, 'CUT_HTTP'],
      [{}, 400, 'CUT_INPUT'],
      [{ ...anonymous, inputs: [first] }, 400, 'CUT_INPUT'],
      [{ ...anonymous, inputs: [first, first] }, 400, 'CUT_INPUT'],
      [change({ datatype: 'BYTES', data: ['a', 'b', 'c', 'd'] }), 400, 'CUT_UNSUPPORTED_TYPE'],
      [change({ datatype: 'constructor' }), 400, 'CUT_UNSUPPORTED_TYPE'],
      [change({ datatype: 'FP16' }), 400, 'CUT_UNSUPPORTED_TYPE'],
      [change({ shape: [-2, -2] }), 400, 'CUT_INPUT'],
      [change({ shape: [2 ** 52, 2 ** 52, 2 ** 52] }), 413, 'CUT_HTTP'],
      [change({ shape: new Array(17).fill(1) }), 400, 'CUT_INPUT'],
      [change({ data: undefined }), 400, 'CUT_INPUT'],
      [change({ data: 'text' }), 400, 'CUT_INPUT'],
      [change({ parameters: { binary_data_size: 16 } }), 400, 'CUT_INPUT'],
      [change({ data: undefined, parameters: { binary_data_size: 16 } }), 400, 'CUT_INPUT'],
      [{ ...anonymous, outputs: [{ name: 'output9' }] }, 400, 'CUT_INPUT'],
      [{ ...anonymous, outputs: [{ name: 'output0' }, { name: 'output0' }] }, 400, 'CUT_INPUT'],
      [{ ...anonymous, outputs: [{ name: 'output0', parameters: { classification: 2 } }] }, 400, 'CUT_INPUT'],
      [{ ...anonymous, parameters: { sequence_id: 1 } }, 400, 'CUT_INPUT'],
      [{ ...anonymous, parameters: { timeout: -1 } }, 400, 'CUT_INPUT'],
      [{ ...anonymous, id: 'x'.repeat(257) }, 400, 'CUT_INPUT'],
    ];
    for (const [body, status, code] of wrong) {
      const name = JSON.stringify(body).slice(0, 100);
      expect(await failure(await postJson(infer, body)), name).toEqual([status, code, expect.stringMatching(/\.$/)]);
    }
    expect(models.computed).toBe(1); // the missing input, which only the model knows of
    expect(({} as { id?: string }).id).toBeUndefined();
  });

  it('in binary without the header that tells its length, and with a key that is not allowed, is told so', async () => {
    const body = Buffer.concat([Buffer.from(JSON.stringify(binaryExample)), binaryBytes]).toString('latin1');
    const [, , bare] = await failure(await postJson(infer, body));
    expect(bare).toContain('Inference-Header-Content-Length');
    const [, , key] = await failure(await postJson(infer, '{"__proto__": {}, "inputs": []}'));
    expect(key).toContain('"__proto__"');
  });

  it('in binary is refused where lengths do not fit', async () => {
    const [first, second] = binaryExample.inputs;
    const wrong: [unknown, Uint8Array][] = [
      [binaryExample, binaryBytes.subarray(1)],
      [binaryExample, Buffer.concat([binaryBytes, binaryBytes])],
      [{ ...binaryExample, inputs: [{ ...first, shape: [2, 3] }, second] }, binaryBytes],
      [binaryExample, Buffer.concat([binaryBytes.subarray(0, 18), new Uint8Array([2])])],
    ];
    for (const [json, bytes] of wrong) {
      expect(await failure(await postBinary(infer, json, bytes))).toEqual([400, 'CUT_INPUT', expect.any(String)]);
    }
    for (const length of ['-1', '0', 'x', '99999', '1e1']) {
      const headers = { 'Inference-Header-Content-Length': length };
      expect(await failure(await postJson(infer, anonymous, headers))).toEqual([400, 'CUT_HTTP', expect.any(String)]);
    }
  });
});

describe('the deadline of a request', () => {
  it('is what it says in microseconds, as Triton has it, and ends it with 504', async () => {
    models.hold = forever;
    const startedAt = performance.now();
    const late = await postJson(infer, { ...anonymous, parameters: { timeout: 50_000 } });
    expect(await failure(late)).toEqual([504, 'CUT_DEADLINE', expect.stringContaining('50 ms')]);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(models.seen?.deadlineMs).toBe(50);
  });

  it('is the server’s where it says none', async () => {
    await postJson(infer, { ...anonymous, parameters: { timeout: 0 } });
    expect(models.seen?.deadlineMs).toBe(5_000);
  });

  it('does not matter once its caller has gone', async () => {
    let reason: unknown;
    models.hold = (signal) =>
      forever(signal).catch((thrown: unknown) => {
        reason = thrown;
        throw thrown;
      });
    const leaving = new AbortController();
    const request = fetch(infer, { method: 'POST', body: JSON.stringify(anonymous), signal: leaving.signal });
    await expect.poll(() => models.computed).toBe(1);
    leaving.abort();
    await expect(request).rejects.toThrow();
    await expect.poll(() => (reason as CutpointError | undefined)?.code).toBe('CUT_CANCELLED');
  });
});

describe('a request whose caller went before it was read', () => {
  it.each([{}, { id: 'a' }])('is not computed: %j', async (named) => {
    const { hostname, port, pathname } = new URL(infer);
    const body = JSON.stringify({ ...anonymous, ...named });
    const head = `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: ${body.length}\r\n\r\n`;
    const socket = connectSocket(Number(port), hostname);
    await once(socket, 'connect');
    // Both leave before the server, which lives in this process, can read.
    socket.write(head + body);
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(models.computed).toBe(0);
  });
});

describe('a request that comes again with its id', () => {
  it('gets the same answer, computed once, afterwards and while it is under way', async () => {
    const request = fresh();
    const first = await (await postJson(infer, request)).json();
    expect(await (await postJson(infer, request)).json()).toEqual(first);
    expect(models.computed).toBe(1);

    let release = () => {};
    models.hold = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const again = fresh();
    const both = [postJson(infer, again), postJson(infer, again)];
    await expect.poll(() => models.computed).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    const [one, other] = await Promise.all(both.map(async (response) => await (await response).json()));
    expect(one).toEqual(other);
    expect(models.computed).toBe(2);
  });

  it('says which version computed its answer, and keeps it apart from one for a version', async () => {
    const request = fresh();
    models.answersAs = '8';
    expect(await (await postJson(infer, request)).json()).toMatchObject({ model_version: '8' });
    expect(models.seen?.version).toBeUndefined();
    models.answersAs = '7';
    const exactly = infer.replace('/infer', '/versions/7/infer');
    expect(await (await postJson(exactly, request)).json()).toMatchObject({ model_version: '7' });
    expect([models.computed, models.seen?.version]).toEqual([2, '7']);
    expect(await (await postJson(infer, request)).json()).toMatchObject({ model_version: '8' });
  });

  it('after its connection broke finds what was begun', async () => {
    let release = () => {};
    models.hold = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const request = fresh();
    const leaving = new AbortController();
    const first = fetch(infer, { method: 'POST', body: JSON.stringify(request), signal: leaving.signal });
    await expect.poll(() => models.computed).toBe(1);
    leaving.abort();
    await expect(first).rejects.toThrow();
    const second = postJson(infer, request);
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    expect(await (await second).json()).toMatchObject({ id: request.id, outputs: [{ data: exampleAnswer }] });
    expect(models.computed).toBe(1);
  });

  it('is refused with 409 where it asks something else', async () => {
    const request = fresh();
    await postJson(infer, request);
    const [first, second] = request.inputs;
    const others = [
      { ...request, inputs: [{ ...first, data: [1, 2, 3, 5] }, second] },
      { ...request, outputs: [{ name: 'output1' }] },
    ];
    for (const other of others) {
      expect(await failure(await postJson(infer, other))).toEqual([409, 'CUT_CONFLICT', expect.any(String)]);
    }
  });

  it('has an id of its own behind the API, short enough for any device', async () => {
    const long = { ...fresh(), id: 'x'.repeat(256) };
    const ids = [];
    for (const request of [long, { ...long, id: 'x'.repeat(255) }, { ...long, id: 'x' }]) {
      expect((await postJson(infer, request)).status).toBe(200);
      ids.push(models.seen?.id ?? '');
    }
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^x{1,64}\..{43}$/);
  });

  it('may ask for another form, and is computed again after a failure', async () => {
    const request = fresh();
    models.hold = async () => {
      throw new CutpointError('CUT_OVERLOADED', 'The queue is full.');
    };
    const refused = await postJson(infer, request);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await failure(refused)).toEqual([503, 'CUT_OVERLOADED', 'The queue is full.']);
    models.hold = async () => undefined;
    expect((await postJson(infer, request)).status).toBe(200);
    const binary = { ...request, parameters: { binary_data_output: true } };
    expect((await binaryAnswer(await postJson(infer, binary))).values).toEqual(exampleAnswer.map(Math.fround));
    expect(models.computed).toBe(2);
  });
});

describe('a failure of the server’s own', () => {
  it('says nothing about its insides', async () => {
    models.hold = async () => {
      throw new Error('secret path');
    };
    expect(await failure(await postJson(infer, anonymous))).toEqual([500, 'CUT_INTERNAL', 'The server failed.']);
  });
});
