import { decodeCrossing, encodeCrossing } from '@cutpoint/codec';
import { type CancelSignal, CutpointError, type NamedTensors, type Tensor } from '@cutpoint/core';
import type { CutIdentity } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import type { CutCodecs } from './cut-codecs.js';
import { type HopTimes, hopTimesOf } from './hop-times.js';
import { type RequestTags, withTags } from './request-tags.js';
import { dtypesOf, mostElements, type StageRequest } from './stage-choice.js';

/** A tensor that crossed a link. */
export interface SentTensor extends Pick<Tensor, 'dtype' | 'shape'> {
  readonly bytes: number;
}

/** What the devices behind this one have answered, and where the time went, the link to them first. */
export interface NextAnswer {
  readonly tensors: NamedTensors;
  /** What was handed over, as it crossed the link: after the codec. */
  readonly sent: readonly SentTensor[];
  /** Bytes of the tensors that came back. */
  readonly receivedBytes: number;
  readonly times: HopTimes;
  /** The same, seen from here: all that lies behind the link is `remoteMs`. */
  readonly near: {
    readonly encodeMs: number;
    readonly sendMs: number;
    readonly remoteMs: number;
    readonly decodeMs: number;
  };
}

export interface AskOptions {
  readonly codecs: CutCodecs;
  readonly signal?: CancelSignal;
  /** Without any the request's header repeats, and is encoded only once. */
  readonly tags?: RequestTags | undefined;
}

/**
 * Hands what crosses a cut to the next device of the chain and waits for what it and those behind it answer.
 * @throws CutpointError what encoding and `peer.request` throw.
 */
export async function askNext(
  peer: Peer,
  request: StageRequest,
  sends: NamedTensors,
  { codecs, tags, ...options }: AskOptions,
): Promise<NextAnswer> {
  const startedAt = performance.now();
  const tensors = encodeCrossing(sends, codecs.of(codecBefore(request)));
  const codecMs = performance.now() - startedAt;
  const reply = await peer.request({ method: 'infer', meta: withTags(request, tags), tensors }, options);
  const { encodeUs, networkUs, remoteUs, decodeUs } = reply.timing;
  return {
    tensors: reply.tensors,
    sent: [...tensors.values()].map(({ dtype, shape, data }) => ({ dtype, shape, bytes: data.byteLength })),
    receivedBytes: [...reply.tensors.values()].reduce((total, { data }) => total + data.byteLength, 0),
    times: hopTimesOf(reply, codecMs),
    near: {
      encodeMs: codecMs + encodeUs / 1000,
      sendMs: networkUs / 1000,
      remoteMs: remoteUs / 1000,
      decodeMs: decodeUs / 1000,
    },
  };
}

/** What has crossed the cut before a segment, as the segment takes it. @throws CutpointError as `decodeCrossing`. */
export function receive(
  request: StageRequest,
  cut: CutIdentity,
  tensors: NamedTensors,
  codecs: CutCodecs,
): NamedTensors {
  const codec = codecs.of(codecBefore(request));
  return decodeCrossing(tensors, codec, dtypesOf(cut), { maxElements: mostElements(cut) });
}

/** The spec of what crosses the cut before the segment that a request is for. */
function codecBefore({ codecs, segment }: StageRequest): string {
  return codecs[segment - 1] ?? 'raw';
}

/** Brings outputs together in the order of their names. @throws CutpointError CUT_MODEL_MISMATCH if one is missing. */
export function mergeOutputs(
  names: readonly string[],
  known: NamedTensors,
  answered: NamedTensors,
): Map<string, Tensor> {
  const outputs = new Map<string, Tensor>();
  for (const name of names) {
    const tensor = known.get(name) ?? answered.get(name);
    if (tensor === undefined) {
      const message = `The next device did not answer with the output "${name}": the devices are of different versions.`;
      throw new CutpointError('CUT_MODEL_MISMATCH', message);
    }
    outputs.set(name, tensor);
  }
  return outputs;
}
