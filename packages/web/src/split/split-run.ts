import { asCutpointError, CutpointError, type NamedTensors } from '@cutpoint/core';
import type { OutgoingRequest, Peer } from '@cutpoint/wire/browser';
import type { FrontRunner } from './front-runner.js';
import type { ModelOffer } from './model-offer.js';
import type { FrontResult } from './worker-messages.js';

/** What one request gave, and where its time went, in milliseconds. */
export interface SplitResult {
  readonly outputs: NamedTensors;
  readonly front: Omit<FrontResult, 'sends' | 'answers'>;
  /** Both ways, with making and reading the frames; 0 where the page did it all. */
  readonly linkMs: number;
  readonly serverMs: number;
  readonly totalMs: number;
  /** Of the frame that was sent, and of that which came back. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface SplitRequest {
  readonly offer: ModelOffer;
  readonly at: readonly number[];
  readonly codec: string;
  readonly inputs: NamedTensors;
}

const deadlineMs = 60_000;

/** The server, as long as there is a connection. */
export interface Reach {
  /** The connection when it is needed: not before, as it may be lost and made again meanwhile. @throws CUT_CONNECTION_LOST */
  peer(): Peer;
  /** Waits for a connection after a lost one. @throws CutpointError `lost` if none comes; CUT_CANCELLED, CUT_MODEL_MISMATCH */
  again(lost: CutpointError, signal: AbortSignal): Promise<void>;
}

/**
 * Runs a model once: the front segment in the page, the rest at the server. A request whose connection is lost is sent once more
 * over the next one: segments keep nothing between requests.
 * @throws CutpointError CUT_DEADLINE, CUT_CANCELLED, CUT_CONNECTION_LOST, what the front segment throws and the server answers
 */
export async function runSplit(
  front: FrontRunner,
  reach: Reach,
  { offer, at, codec, inputs }: SplitRequest,
  signal: AbortSignal,
): Promise<SplitResult> {
  const startedAt = performance.now();
  const { sends, answers, ...measured } = await front.run(inputs, codec, signal);
  const missing = offer.outputs.filter((name) => !answers.has(name));
  const none = { tensors: new Map(), linkMs: 0, serverMs: 0, sentBytes: 0, receivedBytes: 0 };
  const codecs = at.map(() => codec);
  const ask = { method: 'infer', meta: { at: [...at], codecs, segment: 1 }, tensors: sends };
  const far = missing.length === 0 ? none : await askServer(reach, ask, signal);
  const { tensors, ...rest } = far;
  const outputs = new Map(offer.outputs.map((name) => [name, known(name, answers, tensors)]));
  return { outputs, front: measured, ...rest, totalMs: performance.now() - startedAt };
}

async function askServer(reach: Reach, request: OutgoingRequest, signal: AbortSignal) {
  const askOnce = async () => await reach.peer().request(request, { deadlineMs, signal });
  const { tensors, timing, sentBytes, receivedBytes } = await askOnce().catch(async (thrown: unknown) => {
    const error = asCutpointError(thrown, 'CUT_INTERNAL');
    if (error.code !== 'CUT_CONNECTION_LOST') throw error;
    await reach.again(error, signal);
    return await askOnce();
  });
  const linkMs = (timing.encodeUs + timing.networkUs + timing.decodeUs) / 1000;
  return { tensors, linkMs, serverMs: timing.remoteUs / 1000, sentBytes, receivedBytes };
}

function known(name: string, answers: NamedTensors, far: NamedTensors) {
  const tensor = answers.get(name) ?? far.get(name);
  if (tensor !== undefined) return tensor;
  throw new CutpointError('CUT_MODEL_MISMATCH', `The server did not answer with "${name}": reload the page.`);
}
