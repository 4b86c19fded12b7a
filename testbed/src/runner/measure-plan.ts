import { CutpointError, median, type NamedTensors, quantile, throwIfCancelled } from '@cutpoint/core';
import type { SplitChoice } from '@cutpoint/daemon';
import { hopTimes } from '@cutpoint/daemon';
import { connect, type Peer } from '@cutpoint/wire';
import type { Beat } from './reference.js';

/** What running a plan gave. Latency and throughput are two measurements; neither is derived from the other. */
export interface PlanMeasurement {
  /** Of one request at a time (or of all, where agents send at a rate): median and 99th percentile, on the agent's clock. */
  readonly latencyMs: number;
  readonly p99Ms: number;
  /** Of the same requests: medians of what the segments took together, and the links. */
  readonly computeMs: number;
  readonly linkMs: number;
  readonly requests: number;
  /** Answers per second and agent with many requests under way. */
  readonly throughputHz: number;
  readonly answers: number;
  /** Runs of the reference among those requests, and among the stretches at full rate. */
  readonly latencyBeats: readonly Beat[];
  readonly throughputBeats: readonly Beat[];
}

export interface MeasureOptions {
  /** Addresses of agents that all run the same plan. */
  readonly agents: readonly string[];
  readonly choice: SplitChoice;
  readonly inputs: NamedTensors;
  readonly requestsInFlight: number;
  /** Requests per second of each agent at random moments; undefined: one after the other. */
  readonly rateHz: number | undefined;
  /** How long each of the two measurements takes, roughly. */
  readonly secondsEach: number;
  /** Runs the reference once: between requests, and between stretches at full rate. */
  readonly beat: () => Promise<Beat>;
  readonly signal: AbortSignal;
}

interface Sample {
  readonly totalMs: number;
  readonly computeMs: number;
  readonly linkMs: number;
}

const warmUps = 3;
const minSamples = 8;
const maxSamples = 300;
const deadlineMs = 120_000;
const loadingMs = 180_000;

/** Runs a plan, first request by request, then as many at a time as it needs to be full. */
export async function measurePlan(options: MeasureOptions): Promise<PlanMeasurement> {
  const peers: Peer[] = [];
  try {
    for (const url of options.agents)
      peers.push(await connect({ url, connectTimeoutMs: 10_000, signal: options.signal }));
    await Promise.all(peers.map((peer) => prepare(peer, options)));
    const latencyBeats: Beat[] = [];
    const { rateHz } = options;
    const samples =
      rateHz === undefined
        ? await oneByOne(peers, options, latencyBeats)
        : await atRandom(peers, rateHz, options, latencyBeats);
    const { rate, answers, beats } = await inStretches(peers, options);
    return {
      latencyMs: median(samples.map(({ totalMs }) => totalMs)),
      p99Ms: quantile(
        samples.map(({ totalMs }) => totalMs),
        0.99,
      ),
      computeMs: median(samples.map(({ computeMs }) => computeMs)),
      linkMs: median(samples.map(({ linkMs }) => linkMs)),
      requests: samples.length,
      throughputHz: rate / peers.length,
      answers,
      latencyBeats,
      throughputBeats: beats,
    };
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

async function prepare(peer: Peer, { choice, signal, ...options }: MeasureOptions): Promise<void> {
  await peer.request({ method: 'describe', meta: { split: choice } }, { deadlineMs: loadingMs, signal });
  for (let i = 0; i < warmUps; i++) await once(peer, { choice, signal, ...options });
}

async function once(peer: Peer, { choice, inputs, signal }: MeasureOptions): Promise<Sample> {
  const request = { method: 'infer', meta: { split: choice }, tensors: inputs };
  const { meta } = await peer.request(request, { deadlineMs, signal });
  const { timing } = meta as { timing: { totalMs: number } };
  const times = hopTimes.safeParse(timing);
  if (!times.success) throw new CutpointError('CUT_MODEL_MISMATCH', 'An agent does not say where the time went.');
  const sum = (list: readonly number[]) => list.reduce((total, ms) => total + ms, 0);
  return {
    totalMs: timing.totalMs,
    computeMs: sum(times.data.stages.map(({ totalMs }) => totalMs)),
    linkMs: sum(times.data.links.map(({ codecMs, sendMs }) => codecMs + sendMs)),
  };
}

async function oneByOne([peer]: readonly Peer[], options: MeasureOptions, beats: Beat[]): Promise<Sample[]> {
  const samples: Sample[] = [];
  const until = performance.now() + options.secondsEach * 1000;
  while (peer !== undefined && samples.length < maxSamples) {
    throwIfCancelled(options.signal);
    if (samples.length >= minSamples && performance.now() > until) break;
    beats.push(await options.beat());
    samples.push(await once(peer, options));
  }
  return samples;
}

/** Every agent sends at random moments (a Poisson process), whether or not its answers have come. */
async function atRandom(
  peers: readonly Peer[],
  rateHz: number,
  options: MeasureOptions,
  beats: Beat[],
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let i = 0; i < minSamples; i++) beats.push(await options.beat());
  const endsAt = performance.now() + options.secondsEach * 2000;
  await Promise.all(
    peers.map(async (peer) => {
      const running: Promise<unknown>[] = [];
      for (;;) {
        await sleep((-Math.log(1 - Math.random()) * 1000) / rateHz, options.signal);
        if (performance.now() > endsAt) break;
        running.push(once(peer, options).then((sample) => samples.push(sample)));
      }
      await Promise.all(running);
    }),
  );
  return samples;
}

const stretches = 4;
/** On slow links a stretch takes long by itself: none is begun after this many times the time that was asked for. */
const mostOvertime = 4;
const beatsBetween = 8;

/** The rate over some stretches at full rate, with runs of the reference before, between and after them. */
async function inStretches(peers: readonly Peer[], options: MeasureOptions) {
  const beats = [await options.beat()];
  let answers = 0;
  let seconds = 0;
  const endsAt = performance.now() + mostOvertime * options.secondsEach * 1000;
  for (let stretch = 0; stretch < stretches && (stretch === 0 || performance.now() < endsAt); stretch++) {
    const part = await saturated(peers, options, options.secondsEach / stretches);
    answers += part.answers;
    seconds += part.seconds;
    for (let i = 0; i < beatsBetween; i++) beats.push(await options.beat());
  }
  return { rate: answers / seconds, answers, beats };
}

/**
 * Counts answers while every agent has as many requests under way as it needs: from the moment when the first have come,
 * as the stages fill at the start, until no more are sent.
 */
async function saturated(
  peers: readonly Peer[],
  options: MeasureOptions,
  atLeastSeconds: number,
): Promise<{ answers: number; seconds: number }> {
  const { requestsInFlight, signal } = options;
  const done: number[] = [];
  const filling = Math.ceil((requestsInFlight * peers.length) / 2);
  const enough = (): boolean => {
    const steadyMs = (done.at(-1) ?? 0) - (done[filling] ?? Number.POSITIVE_INFINITY);
    return done.length > filling + minSamples && steadyMs > atLeastSeconds * 1000;
  };
  let steady: readonly number[] | undefined;
  const lane = async (peer: Peer): Promise<void> => {
    while (steady === undefined) {
      throwIfCancelled(signal);
      await once(peer, options);
      done.push(performance.now());
      if (enough()) steady ??= done.slice(filling);
    }
  };
  await Promise.all(peers.flatMap((peer) => Array.from({ length: requestsInFlight }, () => lane(peer))));
  const times = steady ?? [];
  const [first = 0] = times;
  return { answers: times.length - 1, seconds: ((times.at(-1) ?? first) - first) / 1000 };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}
