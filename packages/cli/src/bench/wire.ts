import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CutpointError, median, quantile, tensorOf, throwIfCancelled } from '@cutpoint/core';
import { connect } from '@cutpoint/wire';
import { bareClient, type EchoClient } from './wire-bare.js';

/** One size of payload: our frames beside a bare `node:net` echo, measured in turns in the same run. */
export interface WireRow {
  readonly bytes: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly throughputMBps: number;
  readonly bareP50Us: number;
  readonly bareP99Us: number;
  readonly bareThroughputMBps: number;
  /** Median round trip over that of the bare echo; lower is better. */
  readonly roundTripRatio: number;
  /** Throughput over that of the bare echo; higher is better. */
  readonly throughputRatio: number;
}

export interface WireBench {
  readonly transport: 'ws' | 'tcp';
  readonly rows: readonly WireRow[];
}

const sizes = [1024, 64 * 1024, 1024 ** 2, 16 * 1024 ** 2];
const rounds = 7;
const roundMs = 150;
const minSamples = 3;
/** Requests under way at a time while throughput is measured. */
const inFlight = 4;

/**
 * Measures echo round trips (one request at a time) and throughput (a few at a time; payload bytes that came back per
 * second, in 10^6) over loopback. Both echo servers run in processes of their own. Takes about 20 s.
 * @throws CutpointError CUT_CANCELLED, CUT_CONNECTION_LOST
 */
export async function benchWire(options: { transport: 'ws' | 'tcp'; signal?: AbortSignal }): Promise<WireBench> {
  const { transport, signal } = options;
  await using ours = await startEcho(transport);
  await using bare = await startEcho('bare');
  const rows: WireRow[] = [];
  for (const bytes of sizes) {
    await using a = await wireClient(ours.url, bytes);
    await using b = await bareClient(bare.url, bytes);
    rows.push(await measure(bytes, a, b, signal));
  }
  return { transport, rows };
}

async function measure(
  bytes: number,
  ours: EchoClient,
  bare: EchoClient,
  signal: AbortSignal | undefined,
): Promise<WireRow> {
  const [trips, bareTrips]: [number[], number[]] = [[], []];
  const [rates, bareRates]: [number[], number[]] = [[], []];
  for (const client of [ours, bare]) await throughput(client, bytes);
  for (let round = 0; round < rounds; round++) {
    throwIfCancelled(signal);
    trips.push(...(await roundTrips(ours)));
    bareTrips.push(...(await roundTrips(bare)));
    rates.push(await throughput(ours, bytes));
    bareRates.push(await throughput(bare, bytes));
  }
  return {
    bytes,
    p50Us: median(trips),
    p99Us: quantile(trips, 0.99),
    throughputMBps: median(rates),
    bareP50Us: median(bareTrips),
    bareP99Us: quantile(bareTrips, 0.99),
    bareThroughputMBps: median(bareRates),
    roundTripRatio: median(trips) / median(bareTrips),
    throughputRatio: median(rates) / median(bareRates),
  };
}

/** Round trips of one round in microseconds. */
async function roundTrips(client: EchoClient): Promise<number[]> {
  const samples: number[] = [];
  const until = performance.now() + roundMs;
  while (samples.length < minSamples || performance.now() < until) {
    const startedAt = performance.now();
    await client.echo();
    samples.push((performance.now() - startedAt) * 1000);
  }
  return samples;
}

/** Megabytes that came back per second. */
async function throughput(client: EchoClient, bytes: number): Promise<number> {
  const startedAt = performance.now();
  let echoes = 0;
  const worker = async (): Promise<void> => {
    while (echoes < minSamples * inFlight || performance.now() < startedAt + roundMs) {
      await client.echo();
      echoes++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (echoes * bytes) / 1e6 / ((performance.now() - startedAt) / 1000);
}

async function wireClient(url: string, bytes: number): Promise<EchoClient> {
  const peer = await connect({ url, connectTimeoutMs: 5_000 });
  const tensors = new Map([['payload', tensorOf('u8', [bytes], new Uint8Array(bytes).fill(1))]]);
  return {
    async echo() {
      const reply = await peer.request({ method: 'echo', tensors });
      if (reply.tensors.get('payload')?.data.length !== bytes) {
        throw new CutpointError('CUT_INTERNAL', 'The echo is not as long as what was sent.');
      }
    },
    [Symbol.asyncDispose]: () => peer.close(),
  };
}

/** Starts an echo server in a process of its own. */
async function startEcho(kind: 'ws' | 'tcp' | 'bare'): Promise<AsyncDisposable & { url: string }> {
  const child = fork(fileURLToPath(new URL('./wire-echo.js', import.meta.url)), [kind], { execArgv: [] });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await exited;
  };
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  const [message] = await Promise.race([once(child, 'message'), exited.then(() => [undefined])]);
  clearTimeout(timer);
  const url = typeof message === 'object' && message !== null ? (message as { url?: unknown }).url : undefined;
  if (typeof url !== 'string') {
    throw new CutpointError('CUT_CONNECTION_LOST', 'An echo server of the benchmark did not start.');
  }
  return { url, [Symbol.asyncDispose]: stop };
}
