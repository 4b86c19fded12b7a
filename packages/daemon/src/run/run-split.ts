import { type CancelSignal, type NamedTensors, throwIfCancelled } from '@cutpoint/core';
import type { SegmentPlan, Stage } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import { CutCodecs } from '../cut-codecs.js';
import { Deadline } from '../deadline.js';
import type { TriedRung } from '../failover/rung.js';
import { type HopTimes, stageTimesOf } from '../hop-times.js';
import { askNext, mergeOutputs, type NextAnswer, type SentTensor } from '../next-stage.js';
import type { RequestTags } from '../request-tags.js';
import type { StageRequest } from '../stage-choice.js';
import type { FrontResults } from './front-results.js';

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
  readonly route?: Route;
}

/** By which way a request was answered, where there are several. */
export interface Route {
  readonly by: string;
  /** It was not the planned one. */
  readonly fallback: boolean;
  readonly tried: readonly TriedRung[];
  /** In a fleet: the devices that were asked, and the address of the first, `mqtt:NAME` if there is no direct path to it. */
  readonly devices?: readonly string[];
  readonly via?: string;
}

/** What one run here gave. */
export interface SplitRun extends SplitResult {
  /** What crossed to the server, as it crossed. */
  readonly sent: readonly SentTensor[];
  /** Bytes of what the server answered. */
  readonly receivedBytes: number;
  /** In a fleet: who was asked, and by which address. */
  readonly asked?: Pick<Route, 'devices' | 'via'>;
}

export interface SplitRunOptions {
  readonly signal?: CancelSignal;
  /** How long the whole request may take, in ms; left out, as long as the signal lasts. */
  readonly deadlineMs?: number;
  /** Give the input buffers away instead of copying them. */
  readonly transfer?: boolean;
  /** What travels along the chain beside what is asked. */
  readonly tags?: RequestTags;
  /** Where several servers may be asked, the front segment's result is computed once for all. */
  readonly fronts?: FrontResults;
}

/** A front segment, and where the rest runs. */
export interface SplitParts {
  readonly front: Stage;
  /** What to ask the server for: the second segment, of the model cut in this way. */
  readonly request: StageRequest;
  /** The outputs of the whole model, in its order. */
  readonly outputs: readonly string[];
  /** Codecs for what crosses to the server; those of specs alone if not given. */
  readonly codecs?: CutCodecs;
  /** Makes sure, before anything is computed, that the server can take what will be sent. */
  readonly agree?: (peer: Peer, signal: CancelSignal | undefined) => Promise<void>;
  /** The connection to use now; throws if there is none. Undefined where `needsServerFor` says that none is needed. */
  readonly server: (() => Peer) | undefined;
}

const noTensors: NamedTensors = new Map();
const notAsked: NextAnswer = {
  tensors: noTensors,
  sent: [],
  receivedBytes: 0,
  times: { stages: [], links: [] },
  near: { encodeMs: 0, sendMs: 0, remoteMs: 0, decodeMs: 0 },
};

/**
 * Runs a model once: the front segment here, the rest at the server.
 * @throws CutpointError CUT_DEADLINE, CUT_CANCELLED, CUT_INPUT, what `server` and `agree` throw, CUT_CONNECTION_LOST, and
 * what the server answers with.
 */
export async function runSplit(
  { front, request, outputs, codecs = new CutCodecs(), agree, server }: SplitParts,
  inputs: NamedTensors,
  { signal, deadlineMs, transfer = false, tags, fronts }: SplitRunOptions,
): Promise<SplitRun> {
  const startedAt = performance.now();
  // Without a server the front segment's work would be in vain.
  const peer = server?.();
  using deadline = deadlineMs === undefined ? undefined : new Deadline(deadlineMs, signal);
  const options = signalOf(deadline ?? signal);
  if (peer !== undefined) await agree?.(peer, options.signal);
  const known = await (fronts?.of(front, inputs) ?? front.run(inputs, { ...options, transfer }));
  const frontMs = performance.now() - startedAt;
  const own = stageTimesOf(known.timing, frontMs);
  throwIfCancelled(options.signal);
  const answer = server ? await askNext(server(), request, known.sends, { codecs, tags, ...options }) : notAsked;
  const { stages, links } = answer.times;
  return {
    outputs: mergeOutputs(outputs, known.answers, answer.tensors),
    sent: answer.sent,
    receivedBytes: answer.receivedBytes,
    timing: { frontMs, ...answer.near, totalMs: performance.now() - startedAt, stages: [own, ...stages], links },
  };
}

function signalOf(signal: CancelSignal | undefined): { readonly signal?: CancelSignal } {
  return signal === undefined ? {} : { signal };
}

/** False if the front segment alone gives every output of the model: then nothing has to be asked of a server. */
export function needsServerFor({ answers }: Pick<SegmentPlan, 'answers'>, outputs: readonly string[]): boolean {
  return outputs.some((name) => !answers.includes(name));
}
