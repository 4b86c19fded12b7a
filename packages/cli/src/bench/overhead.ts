import { median, type NamedTensors } from '@cutpoint/core';
import { checkStage, connectServer, needsServerFor, OpenResources, stageRequestOf } from '@cutpoint/daemon';
import { createSplitClient, type SplitClient } from '@cutpoint/edge-agent';
import {
  type CutModel,
  concreteInputs,
  type Dims,
  loadSegment,
  loadStage,
  openCutModel,
  openSplit,
  randomInputs,
  type Segment,
  type Stage,
  sourceOf,
} from '@cutpoint/runtime';
import { startLocalServer } from '../run/local-server.js';

/** What cutting costs beyond the two halves themselves. Times are medians in ms, rates in requests per second. */
export interface OverheadBench {
  readonly model: string;
  readonly at: number;
  readonly runs: number;
  /** The uncut model, the front segment and the back segment, each alone in this process: from the call to the result. */
  readonly wholeMs: number;
  readonly frontMs: number;
  readonly backMs: number;
  /** Of the two segments' times, the inference itself, without the way to the worker thread and back. */
  readonly computeMs: number;
  /** One request through agent, loopback and server, from the input to the answer. */
  readonly splitMs: number;
  /** `splitMs / (frontMs + backMs)` */
  readonly ratio: number;
  /** Requests per second with several under way, from when the pipeline is full. */
  readonly throughputHz: number;
  /** Rate of the slower segment while the other runs in its own process, without a link. */
  readonly boundHz: number;
  readonly throughputRatio: number;
  /** How far apart the rounds' rates were: largest minus smallest over the median. Above 0.3 the machine was not quiet. */
  readonly unsteadiness: number;
}

export interface OverheadRequest {
  readonly model: string;
  readonly at: number;
  readonly runs: number;
  readonly dims: Dims;
}

export type Report = (done: number, total: number) => void;

/** Requests under way in the throughput measurement: enough that neither side ever waits for work. */
const inFlight = 4;
/** Throughput and its bound alternate this many times: machines change their speed from one second to the next. */
const rounds = 31;
/** Enough that the JavaScript on the way is compiled, too. */
const warmUps = 30;
const deadlineMs = 60_000;

/** Everything that is measured, loaded once; one intra-op thread each. */
interface Setup {
  readonly inputs: NamedTensors;
  /** What crosses the cut: the back segment's inputs. */
  readonly crossing: NamedTensors;
  readonly whole: Segment;
  readonly front: Stage;
  readonly back: Stage;
  /** The back segment in a process of its own. */
  readonly backProcess: Stage;
  readonly client: SplitClient;
}

/**
 * Measures what cutting costs. This process is the agent; the server is `cutpoint serve` in a process of its own, joined
 * by ws on loopback. Whole, front, back and split take turns, so that all see the same machine.
 * @throws CutpointError what opening, loading and running throw.
 */
export async function benchOverhead(
  request: OverheadRequest,
  signal: AbortSignal,
  report: Report,
): Promise<OverheadBench> {
  const opened = new OpenResources();
  try {
    const setup = await open(request, opened, signal);
    const times = await measureTimes(setup, request.runs, signal, (done) => report(done, request.runs));
    const rates = await measureRates(setup, request.runs, signal);
    return {
      model: request.model,
      at: request.at,
      runs: request.runs,
      ...times,
      ratio: times.splitMs / (times.frontMs + times.backMs),
      ...rates,
      throughputRatio: rates.throughputHz / rates.boundHz,
    };
  } finally {
    await opened.close();
  }
}

async function open(
  { model: path, at, dims }: OverheadRequest,
  opened: OpenResources,
  signal: AbortSignal,
): Promise<Setup> {
  const cutModel: CutModel = await openCutModel(path, { dims, signal });
  const inputs = randomInputs(concreteInputs(cutModel.inputs, dims).inputs);
  const split = await openSplit(path, { at: [at], dims, signal });
  const [frontPlan, backPlan] = split.segments;
  if (frontPlan === undefined || backPlan === undefined) throw new Error('One cut gives two segments.');
  const options = { threads: 1, signal };
  const whole = opened.add(await loadSegment(sourceOf(cutModel.file.model, cutModel.file), options));
  const front = opened.add(await loadStage(frontPlan, options));
  const back = opened.add(await loadStage(backPlan, options));
  const backProcess = opened.add(await loadStage(backPlan, { ...options, isolation: 'process' }));
  const sizes = [...dims].flatMap(([name, size]) => ['--dim', `${name}=${size}`]);
  const { url } = opened.add(await startLocalServer([path, '--at', String(at), '--threads', '1', ...sizes], signal));
  const choice = { at: [at], codecs: ['raw' as const] };
  const peer = opened.add(await connectServer({ url, connectTimeoutMs: 10_000 }, 'cutpoint-bench', signal));
  await checkStage(peer, url, { model: split, request: stageRequestOf(choice, 1), signal });
  const server = needsServerFor(front.plan, split.outputs) ? () => peer : undefined;
  const client = createSplitClient({ front, choice, outputs: split.outputs, server, maxInFlight: inFlight });
  const { sends: crossing } = await front.run(inputs, { signal });
  return { inputs, crossing, whole, front, back, backProcess, client };
}

async function measureTimes(setup: Setup, runs: number, signal: AbortSignal, report: (done: number) => void) {
  const samples = { whole: [] as number[], front: [] as number[], back: [] as number[], split: [] as number[] };
  const compute: number[] = [];
  for (let run = -warmUps; run < runs; run++) {
    const whole = await timed(() => setup.whole.run(setup.inputs, { signal }));
    const front = await timed(() => setup.front.run(setup.inputs, { signal }));
    const back = await timed(() => setup.back.run(setup.crossing, { signal }));
    const split = await timed(() => setup.client.run(setup.inputs, { signal, deadlineMs }));
    if (run < 0) continue;
    samples.whole.push(whole.ms);
    samples.front.push(front.ms);
    samples.back.push(back.ms);
    samples.split.push(split.ms);
    compute.push((front.result.timing.computeUs + back.result.timing.computeUs) / 1000);
    report(run + 1);
  }
  return {
    wholeMs: median(samples.whole),
    frontMs: median(samples.front),
    backMs: median(samples.back),
    computeMs: median(compute),
    splitMs: median(samples.split),
  };
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const startedAt = performance.now();
  const result = await work();
  return { result, ms: performance.now() - startedAt };
}

async function measureRates(
  { inputs, crossing, front, backProcess, client }: Setup,
  runs: number,
  signal: AbortSignal,
) {
  // Short rounds, so that both of a pair see the same machine, and yet long enough to fill the pipeline.
  const perRound = Math.max(10, Math.ceil(runs / 10));
  const bounds: number[] = [];
  const throughputs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    bounds.push(await boundRate(front, inputs, backProcess, crossing, perRound, signal));
    throughputs.push(await throughput(client, inputs, perRound, signal));
  }
  const unsteadiness = Math.max(spread(bounds), spread(throughputs));
  return { throughputHz: median(throughputs), boundHz: median(bounds), unsteadiness };
}

function spread(rates: readonly number[]): number {
  return (Math.max(...rates) - Math.min(...rates)) / median(rates);
}

/** Both segments run without pause and without each other until the slower one has done its runs. */
async function boundRate(
  front: Stage,
  inputs: NamedTensors,
  back: Stage,
  crossing: NamedTensors,
  runs: number,
  signal: AbortSignal,
): Promise<number> {
  const done = { front: 0, back: 0 };
  const startedAt = performance.now();
  const loop = async (side: keyof typeof done, stage: Stage, tensors: NamedTensors): Promise<number> => {
    const lane = async () => {
      while (Math.min(done.front, done.back) < runs) {
        await stage.run(tensors, { signal });
        done[side] += 1;
      }
    };
    await Promise.all([lane(), lane()]);
    return (done[side] * 1000) / (performance.now() - startedAt);
  };
  return Math.min(...(await Promise.all([loop('front', front, inputs), loop('back', back, crossing)])));
}

/** Answers per second while the pipeline is full: between the first answer and the last that counts, others under way. */
async function throughput(
  client: SplitClient,
  inputs: NamedTensors,
  runs: number,
  signal: AbortSignal,
): Promise<number> {
  let answered = 0;
  let firstAt = 0;
  let lastAt = 0;
  const lane = async () => {
    while (answered <= runs) {
      await client.run(inputs, { signal, deadlineMs });
      if (answered === 0) firstAt = performance.now();
      if (answered === runs) lastAt = performance.now();
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (runs * 1000) / (lastAt - firstAt);
}
