import { CutpointError, type NamedTensors, type Tensor, throwIfCancelled } from '@cutpoint/core';
import type { Stage } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import { startDeadline } from './deadline.js';

/** Where the time of a request went, in milliseconds. */
export interface SplitTiming {
  /** The front segment, with the wait for it. */
  readonly frontMs: number;
  readonly encodeMs: number;
  /** On the network, both ways. */
  readonly sendMs: number;
  /** At the server: the back segment with the wait for it. */
  readonly remoteMs: number;
  readonly decodeMs: number;
  /** From the call to the answer. */
  readonly totalMs: number;
}

export interface SplitResult {
  readonly outputs: NamedTensors;
  readonly timing: SplitTiming;
}

export interface SplitClientOptions {
  readonly front: Stage;
  /** The outputs of the whole model, in its order. */
  readonly outputs: readonly string[];
  /** The connection to use now; throws if there is none. Undefined where `needsServerFor` says that none is needed. */
  readonly server: (() => Peer) | undefined;
  /** Requests that may be under way at the same time. */
  readonly maxInFlight: number;
}

export interface SplitRunOptions {
  readonly signal?: AbortSignal;
  /** How long the whole request may take, in ms. */
  readonly deadlineMs: number;
  /** Give the input buffers away instead of copying them. */
  readonly transfer?: boolean;
}

/** Runs a model that is cut in two: the front segment here, the back segment at a server. */
export interface SplitClient {
  /**
   * Runs the model once. Calls overlap: the front segment of one runs while the server works on the one before.
   * @throws CutpointError CUT_OVERLOADED if too many are under way, CUT_DEADLINE, CUT_CANCELLED, CUT_INPUT, what
   * `options.server` throws, CUT_CONNECTION_LOST, and what the server answers with.
   */
  run(inputs: NamedTensors, options: SplitRunOptions): Promise<SplitResult>;
}

const noTensors: NamedTensors = new Map();
const notAsked = { tensors: noTensors, timing: { encodeUs: 0, networkUs: 0, remoteUs: 0, decodeUs: 0 } };

/** Makes a client of a loaded front segment and a connection. It owns neither. */
export function createSplitClient({ front, outputs, server, maxInFlight }: SplitClientOptions): SplitClient {
  let inFlight = 0;

  async function run(inputs: NamedTensors, { signal, deadlineMs, transfer }: SplitRunOptions): Promise<SplitResult> {
    const startedAt = performance.now();
    // Without a server the front segment's work would be in vain.
    server?.();
    using deadline = startDeadline(deadlineMs, signal);
    const known = await front.run(inputs, { signal: deadline.signal, transfer: transfer ?? false });
    const frontMs = performance.now() - startedAt;
    throwIfCancelled(deadline.signal);
    const reply = server
      ? await server().request(
          { method: 'infer', tensors: known.sends },
          { signal: deadline.signal, deadlineMs: deadline.leftMs() },
        )
      : notAsked;
    const { encodeUs, networkUs, remoteUs, decodeUs } = reply.timing;
    return {
      outputs: merge(outputs, known.answers, reply.tensors),
      timing: {
        frontMs,
        encodeMs: encodeUs / 1000,
        sendMs: networkUs / 1000,
        remoteMs: remoteUs / 1000,
        decodeMs: decodeUs / 1000,
        totalMs: performance.now() - startedAt,
      },
    };
  }

  return {
    async run(inputs, options) {
      if (inFlight >= maxInFlight) {
        throw new CutpointError('CUT_OVERLOADED', `${maxInFlight} requests are under way already; try again later.`);
      }
      inFlight += 1;
      try {
        return await run(inputs, options);
      } finally {
        inFlight -= 1;
      }
    },
  };
}

/** False if the front segment alone gives every output of the model: then nothing has to be asked of a server. */
export function needsServerFor(front: Pick<Stage, 'plan'>, outputs: readonly string[]): boolean {
  return outputs.some((name) => !front.plan.answers.includes(name));
}

function merge(names: readonly string[], known: NamedTensors, answered: NamedTensors): NamedTensors {
  const outputs = new Map<string, Tensor>();
  for (const name of names) {
    const tensor = known.get(name) ?? answered.get(name);
    if (tensor === undefined) {
      const message = `The server did not answer with the output "${name}": agent and server are of different versions.`;
      throw new CutpointError('CUT_MODEL_MISMATCH', message);
    }
    outputs.set(name, tensor);
  }
  return outputs;
}
