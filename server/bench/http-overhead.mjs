// What HTTP costs beside the wire: the whole model, asked over both in turns, one request at a time.
// node server/bench/http-overhead.mjs MODEL INPUT DIM,DIM,... [ROUNDS]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { quantile, tensorOf } from '@cutpoint/core';
import { connect } from '@cutpoint/wire';

const [model, inputName, dims, rounds = '300'] = process.argv.slice(2);
const shape = dims.split(',').map(Number);
const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i));
const command = fileURLToPath(new URL('../../packages/cli/bin/cutpoint.js', import.meta.url));

const args = [
  'serve',
  model,
  '--listen',
  'ws://127.0.0.1:0',
  '--http',
  '127.0.0.1:0',
  '--log-format',
  'json',
  '--json',
];
const server = spawn(process.execPath, [command, ...args]);
let httpUrl;
createInterface(server.stderr).on('line', (line) => {
  const { msg, url } = JSON.parse(line);
  if (msg === 'http') httpUrl = url;
});
const [ready] = await once(createInterface(server.stdout), 'line');
const wire = await connect({ url: JSON.parse(ready).url, connectTimeoutMs: 20_000 });

const meta = Object.freeze({ at: [0], codecs: ['raw'], segment: 1 });
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const path = `/v2/models/${encodeURIComponent(basename(model, '.onnx'))}/infer`;
const input = { name: inputName, shape, datatype: 'FP32' };

function post(body, headers) {
  return new Promise((resolve, reject) => {
    const options = { agent, method: 'POST', headers: { ...headers, 'content-length': body.length } };
    const request = http.request(httpUrl + path, options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ body: Buffer.concat(parts), headers: response.headers }));
    });
    request.on('error', reject).end(body);
  });
}

const segmentMs = (headers) =>
  headers['server-timing'].split(', ').reduce((sum, part) => sum + Number(/dur=([\d.]+)/.exec(part)[1]), 0);

const ways = {
  async 'wire (ws)'() {
    const reply = await wire.request({
      method: 'infer',
      meta,
      tensors: new Map([[inputName, tensorOf('f32', shape, values)]]),
    });
    return {
      answer: [...new Float32Array([...reply.tensors.values()][0].data.slice().buffer)],
      ms: reply.meta.times.stages[0].totalMs,
    };
  },
  async 'HTTP, binary'() {
    const json = Buffer.from(
      JSON.stringify({
        parameters: { binary_data_output: true },
        inputs: [{ ...input, parameters: { binary_data_size: values.byteLength } }],
      }),
    );
    const body = Buffer.concat([json, new Uint8Array(values.buffer)]);
    const answer = await post(body, { 'inference-header-content-length': json.length });
    const bytes = answer.body.subarray(Number(answer.headers['inference-header-content-length']));
    return { answer: [...new Float32Array(new Uint8Array(bytes).buffer)], ms: segmentMs(answer.headers) };
  },
  async 'HTTP, JSON'() {
    const answer = await post(Buffer.from(JSON.stringify({ inputs: [{ ...input, data: [...values] }] })), {});
    return { answer: JSON.parse(answer.body.toString()).outputs[0].data, ms: segmentMs(answer.headers) };
  },
};

/** Processor time of the server so far, in ms. */
async function serverCpuMs() {
  const text = await (await fetch(`${httpUrl}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)[1]) * 1000;
}

function ownCpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const perBatch = 25;
const taken = Object.fromEntries(
  Object.keys(ways).map((name) => [name, { total: [], beside: [], client: [], server: [] }]),
);
let expected;
for (let batch = -2; batch < Number(rounds) / perBatch; batch++) {
  for (const [name, ask] of Object.entries(ways)) {
    const [serverBefore, clientBefore] = [await serverCpuMs(), ownCpuMs()];
    for (let i = 0; i < perBatch; i++) {
      const startedAt = performance.now();
      const { answer, ms } = await ask();
      const total = performance.now() - startedAt;
      expected ??= String(answer);
      if (String(answer) !== expected) throw new Error(`${name} gives another answer.`);
      if (batch < 0) continue;
      taken[name].total.push(total);
      taken[name].beside.push(total - ms);
    }
    if (batch < 0) continue;
    taken[name].client.push((ownCpuMs() - clientBefore) / perBatch);
    taken[name].server.push(((await serverCpuMs()) - serverBefore) / perBatch);
  }
}
const ms = (list, share = 0.5) => quantile(list, share).toFixed(2).padStart(6);
process.stdout.write(`${values.byteLength} bytes of input, n = ${rounds}; ms: 10 %, median, 90 %; processor: median\n`);
for (const [name, { total, beside, client, server: served }] of Object.entries(taken)) {
  const [whole, rest] = [total, beside].map((list) => [0.1, 0.5, 0.9].map((share) => ms(list, share)).join(' '));
  const times = `whole ${whole}  beside the model ${rest}`;
  process.stdout.write(`${name.padEnd(14)} ${times}  processor: client ${ms(client)}, server ${ms(served)}\n`);
}
await wire.close();
agent.destroy();
server.kill();
