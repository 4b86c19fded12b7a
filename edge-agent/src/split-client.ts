import { CutpointError, type NamedTensors, throwIfCancelled } from '@cutpoint/core';
import {
  askNext,
  type HopTimes,
  mergeOutputs,
  type NextAnswer,
  type SplitChoice,
  stageTimesOf,
} from '@cutpoint/daemon';
import type { Stage } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import { startDeadline } from './deadline.js';

/** Where the time of a request went, in milliseconds; beside the sums seen from here, stage by stage and link by link. */
export interface SplitTiming extends HopTimes {
  /** The front segment, with the wait for it. */
  readonly frontMs: number;
  readonly encodeMs: number;
  /** On the network, both ways. */
  readonly sendMs: number;
  /** At the server: the back segment with the wait for it, and whatever lies behind. */
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
  /** Where the model is cut, and how the tensors cross. */
  readonly choice: SplitChoice;
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
const notAsked: NextAnswer = {
  tensors: noTensors,
  times: { stages: [], links: [] },
  near: { encodeMs: 0, sendMs: 0, remoteMs: 0, decodeMs: 0 },
};

/** Makes a client of a loaded front segment and a connection. It owns neither. */
export function createSplitClient(options: SplitClientOptions): SplitClient {
  const { front, choice, outputs, server, maxInFlight } = options;
  const request = { ...choice, segment: 1 };
  let inFlight = 0;

  async function run(inputs: NamedTensors, { signal, deadlineMs, transfer }: SplitRunOptions): Promise<SplitResult> {
    const startedAt = performance.now();
    // Without a server the front segment's work would be in vain.
    server?.();
    using deadline = startDeadline(deadlineMs, signal);
    const known = await front.run(inputs, { signal: deadline.signal, transfer: transfer ?? false });
    const frontMs = performance.now() - startedAt;
    const own = stageTimesOf(known.timing, frontMs);
    throwIfCancelled(deadline.signal);
    const answer = server
      ? await askNext(server(), request, known.sends, { signal: deadline.signal, deadlineMs: deadline.leftMs() })
      : notAsked;
    const { stages, links } = answer.times;
    return {
      outputs: mergeOutputs(outputs, known.answers, answer.tensors),
      timing: { frontMs, ...answer.near, totalMs: performance.now() - startedAt, stages: [own, ...stages], links },
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
