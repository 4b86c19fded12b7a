import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { f32Values } from '@cutpoint/core';
import { serialiseModel } from '@cutpoint/graph';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exampleModel } from './models/example.js';
import { classifier, classifierInput, loadWhole } from './models.testing.js';
import { cutpoint, type Process, until } from './processes.testing.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const run = promisify(execFile);
const documentation = await readFile(fileURLToPath(new URL('../docs/http-api.md', import.meta.url)), 'utf8');
const curl = await run('curl', ['--version']).then(
  () => true,
  () => false,
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-http-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function serve(model: string, ...args: readonly string[]): Process {
  return cutpoint(['serve', model, '--listen', 'tcp://127.0.0.1:0', '--http', '127.0.0.1:0', '--json', ...args]);
}

/** Where the HTTP API of a server listens, from its log. */
async function httpUrl(server: Process): Promise<string> {
  await server.url();
  const url = server.log().find(({ msg }) => msg === 'http')?.url;
  if (typeof url !== 'string') throw new Error(`The server has no HTTP API: ${server.stderr}`);
  return url;
}

/** The command of an example in the documentation, for another address. */
function documented(example: string, url: string): string {
  const [, command] =
    new RegExp(`<!-- example: ${example} -->\n\`\`\`sh\n((?:.|\n)*?)\`\`\``).exec(documentation) ?? [];
  if (command === undefined) throw new Error(`docs/http-api.md has no example "${example}".`);
  return command.replaceAll('http://127.0.0.1:7480', url);
}

async function shell(command: string): Promise<string> {
  return (await run('bash', ['-euc', command], { cwd: folder, timeout: 20_000 })).stdout;
}

describe.skipIf(!curl)('curl, as docs/http-api.md has it (skipped where there is no curl)', () => {
  let server: Process;
  let url: string;
  beforeAll(async () => {
    const model = join(folder, 'mymodel.onnx');
    await writeFile(model, serialiseModel(exampleModel()));
    server = serve(model);
    url = await httpUrl(server);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('gets the answer of the documentation to the request of the specification', async () => {
    const answer = JSON.parse(await shell(documented('json', url)));
    const [, shown = ''] = /```json\n((?:.|\n)*?)```/.exec(documentation) ?? [];
    expect(answer).toEqual({ ...JSON.parse(shown), model_version: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(answer.outputs[0].data).toEqual([5, 7, 4, 6, 5, 7]);
  });

  it('sends and gets binary data', async () => {
    await shell(documented('binary', url));
    const head = await readFile(join(folder, 'head.txt'), 'utf8');
    const answer = await readFile(join(folder, 'answer.bin'));
    const length = Number(/^inference-header-content-length: (\d+)/im.exec(head)?.[1]);
    expect(JSON.parse(answer.subarray(0, length).toString()).outputs).toEqual([
      { name: 'output0', datatype: 'FP32', shape: [3, 2], parameters: { binary_data_size: 24 } },
    ]);
    const data = new Uint8Array(answer.subarray(length));
    expect([...f32Values({ dtype: 'f32', shape: [3, 2], data })]).toEqual([5, 7, 4, 6, 5, 7]);
  });

  it('sees the server, the model and the metrics', async () => {
    const get = async (path: string) => await shell(`curl -sf ${url}${path}`);
    expect(JSON.parse(await get('/v2/models/mymodel'))).toMatchObject({
      platform: 'onnx_onnxruntime',
      inputs: [
        { name: 'input0', datatype: 'UINT32', shape: [2, 2] },
        { name: 'input1', datatype: 'BOOL', shape: [3] },
      ],
      outputs: [{ name: 'output0', datatype: 'FP32', shape: [3, 2] }],
    });
    for (const path of ['/v2/health/live', '/v2/health/ready', '/healthz', '/readyz']) await get(path);
    expect(await get('/metrics')).toMatch(/cutpoint_requests_total\{model="mymodel",outcome="ok"\} [1-9]/);
  });
});

describe('a server with --http', () => {
  it('answers with the uncut model’s answer, bit for bit, and stops in good order', async () => {
    await using server = serve(classifier, '--at', '100', '--optimisation', 'none');
    const url = await httpUrl(server);
    const [input] = classifierInput().values();
    if (input === undefined) throw new Error('no input');
    const name = encodeURIComponent('ch_ppocr_mobile_v2.0_cls_infer');
    const parameters = { binary_data_size: input.data.length };
    const json = Buffer.from(
      JSON.stringify({
        parameters: { binary_data_output: true },
        inputs: [{ name: 'x', shape: input.shape, datatype: 'FP32', parameters }],
      }),
    );
    const response = await fetch(`${url}/v2/models/${name}/infer`, {
      method: 'POST',
      headers: { 'Inference-Header-Content-Length': String(json.length) },
      body: Buffer.concat([json, input.data]),
    });
    const body = Buffer.from(await response.arrayBuffer());
    await using whole = await loadWhole(classifier);
    const [expected] = (await whole.run(classifierInput())).outputs.values();
    const length = Number(response.headers.get('inference-header-content-length'));
    expect(body.subarray(length)).toEqual(Buffer.from(expected?.data ?? []));
    server.kill('SIGTERM');
    expect(await server.exit()).toBe(0);
  });

  it('wants the token where there is one, and TLS beyond loopback', async () => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'a token for every caller'.replaceAll(' ', '-'), { mode: 0o600 });
    await using server = serve(classifier, '--token-file', tokenFile);
    const url = await httpUrl(server);
    expect((await fetch(`${url}/v2`)).status).toBe(401);
    const headers = { authorization: 'Bearer a-token-for-every-caller' };
    expect((await fetch(`${url}/v2`, { headers })).status).toBe(200);
    await until(() => server.log().some(({ code }) => code === 'CUT_UNAUTHORISED'), 'the refusal was logged');

    await using open = cutpoint([
      'serve',
      classifier,
      '--http',
      '0.0.0.0:0',
      '--listen',
      'tcp://127.0.0.1:0',
      '--json',
    ]);
    expect(await open.exit()).toBe(2);
    expect(open.stdout).toContain('CUT_INSECURE_BIND');
  });
});

const resnet = fileURLToPath(new URL('../../shared/models/vision/resnet20_cifar10.onnx', import.meta.url));

describe.skipIf(!existsSync(resnet))('ResNet-20 over HTTP (../shared/models)', () => {
  it('gives the same logits in JSON and binary', async () => {
    await using server = serve(resnet);
    const infer = `${await httpUrl(server)}/v2/models/resnet20_cifar10/infer`;
    const values = Float32Array.from({ length: 3072 }, (_, i) => Math.sin(i));
    const ask = async (input: object, bytes: Uint8Array) => {
      const json = Buffer.from(
        JSON.stringify({ inputs: [{ name: 'input', shape: [1, 3, 32, 32], datatype: 'FP32', ...input }] }),
      );
      const headers = { 'Inference-Header-Content-Length': String(json.length) };
      const body = Buffer.concat([json, bytes]);
      return (await (await fetch(infer, { method: 'POST', headers, body })).json()) as { outputs: unknown };
    };
    const binary = await ask({ parameters: { binary_data_size: 12_288 } }, new Uint8Array(values.buffer));
    const json = await ask({ data: [...values] }, new Uint8Array());
    expect(json.outputs).toEqual([{ name: 'logits', datatype: 'FP32', shape: [1, 10], data: expect.any(Array) }]);
    expect(json.outputs).toEqual(binary.outputs);
  });
});
