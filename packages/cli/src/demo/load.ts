import { randomUUID } from 'node:crypto';
import { f32Values, type NamedTensors } from '@cutpoint/core';
import { readSplitAnswer, type SplitResult } from '@cutpoint/daemon';
import type { Peer } from '@cutpoint/wire';
import type { Outcome } from './tally.js';

export interface LoadOptions {
  /** Where requests begin, and what it is called. */
  readonly peer: Peer;
  readonly device: string;
  /** Name of the deployment. */
  readonly model: string;
  readonly inputs: NamedTensors;
  /** The whole model's answer. */
  readonly expected: NamedTensors;
  readonly requestsPerSecond: number;
  readonly deadlineMs: number;
  /** Hears of each request that has ended. Must not throw. */
  readonly onOutcome: (outcome: Outcome) => void;
}

/** Requests at a steady rate, whether or not those before are answered. Disposed, it waits for those under way. */
export interface Load extends AsyncDisposable {
  /** Since it began. */
  nowMs(): number;
  /** By which way the first, and the last, request that was answered went. */
  firstWay(): string | undefined;
  lastWay(): string | undefined;
  /** No more requests; resolves when all have ended, with how they went. */
  stop(): Promise<readonly Outcome[]>;
}

/** Starts to send. */
export function startLoad(options: LoadOptions): Load {
  const { requestsPerSecond, onOutcome } = options;
  const startedAt = performance.now();
  const running = new Set<Promise<void>>();
  const outcomes: Outcome[] = [];
  const send = async (): Promise<void> => {
    const sentMs = performance.now() - startedAt;
    const { way, right } = await ask(options);
    const outcome = { sentMs, endedMs: performance.now() - startedAt, way, right };
    outcomes.push(outcome);
    onOutcome(outcome);
  };
  const timer = setInterval(() => {
    const request = send().finally(() => running.delete(request));
    running.add(request);
  }, 1000 / requestsPerSecond);
  const stop = async () => {
    clearInterval(timer);
    await Promise.all(running);
    return outcomes;
  };
  return {
    nowMs: () => performance.now() - startedAt,
    firstWay: () => outcomes.find(({ way }) => way !== undefined)?.way,
    lastWay: () => outcomes.findLast(({ way }) => way !== undefined)?.way,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** One request. That it failed is what the demo counts. */
async function ask({ peer, device, model, inputs, expected, deadlineMs }: LoadOptions) {
  const request = { method: 'infer', meta: { model, id: randomUUID() }, tensors: inputs };
  try {
    const { meta, tensors } = await peer.request(request, { deadlineMs });
    const answer = readSplitAnswer(meta, tensors);
    if (answer === undefined) return { way: undefined, right: false };
    return { way: wayOf(device, answer), right: agree(expected, answer.outputs) };
  } catch {
    return { way: undefined, right: false };
  }
}

function wayOf(device: string, { route }: SplitResult): string {
  const others = route?.devices ?? [];
  return others.length === 0 ? `${device} alone` : [device, ...others].join(' > ');
}

/** Split and whole may be optimised differently, which changes how sums are rounded. */
const tolerance = 1e-4;

function agree(expected: NamedTensors, outputs: NamedTensors): boolean {
  return [...expected].every(([name, tensor]) => {
    const other = outputs.get(name);
    if (other === undefined || other.dtype !== tensor.dtype) return false;
    if (tensor.dtype !== 'f32') return Buffer.compare(tensor.data, other.data) === 0;
    const [a, b] = [f32Values(tensor), f32Values(other)];
    return a.length === b.length && a.every((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) <= tolerance);
  });
}
