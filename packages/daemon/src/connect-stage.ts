import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { SplitModel } from '@cutpoint/runtime';
import { connect, type Peer } from '@cutpoint/wire';
import { z } from 'zod';
import { type RequestTags, withTags } from './request-tags.js';
import type { StageRequest } from './stage-choice.js';
import { describeStage, type StageDescription, stageDescription } from './stage-description.js';

/** Which server to use and how to reach it. */
export interface ServerAddress {
  readonly url: string;
  /** PEM of the authority of the server's certificate. */
  readonly ca?: string;
  readonly token?: string;
  readonly connectTimeoutMs: number;
}

/** Loading a segment on the other side may take as long as this. */
const describeMs = 120_000;
/** Telling which model it holds needs no loading. */
const aboutMs = 10_000;

/** Connects to the next device of a chain. @throws CutpointError what `connect` throws: CUT_UNREACHABLE, CUT_TLS, ... */
export async function connectServer(
  { url, ca, token, connectTimeoutMs }: ServerAddress,
  name: string,
  signal?: AbortSignal,
): Promise<Peer> {
  return await connect({
    url,
    connectTimeoutMs,
    hello: { name, capabilities: [] },
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(token === undefined ? {} : { token }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * Makes sure that the next device holds the same model, cut at the same places, that it has the segment ready, and the
 * tables that the codecs need.
 * @throws CutpointError CUT_MODEL_MISMATCH, CUT_CODEC_TABLE, or what loading the segment throws there.
 */
export async function checkStage(
  peer: Peer,
  url: string,
  {
    model,
    request,
    tags,
    signal,
  }: {
    model: SplitModel;
    request: StageRequest;
    tags?: RequestTags | undefined;
    signal?: CancelSignal | undefined;
  },
): Promise<void> {
  const options = { deadlineMs: describeMs, ...(signal === undefined ? {} : { signal }) };
  const { meta } = await peer
    .request({ method: 'describe', meta: withTags(request, tags) }, options)
    .catch((thrown: unknown) => {
      if (!(thrown instanceof CutpointError) || thrown.code !== 'CUT_CODEC_TABLE') throw thrown;
      const message = `The server at ${url} cannot take what crosses. ${thrown.message}`;
      throw new CutpointError('CUT_CODEC_TABLE', message, { cause: thrown });
    });
  checkDescription(url, meta, describeStage(model, request));
}

/**
 * Makes sure that the next device is a server and holds the same model, whatever the cut will be.
 * @throws CutpointError CUT_MODEL_MISMATCH, and what the request throws.
 */
export async function checkServer(peer: Peer, url: string, modelHash: string, signal: CancelSignal): Promise<void> {
  const { meta } = await peer.request({ method: 'describe', meta: {} }, { deadlineMs: aboutMs, signal });
  const about = z.object({ modelHash: z.string(), inputs: z.unknown().optional() }).safeParse(meta).data;
  if (about === undefined || about.inputs !== undefined) throw mismatch(url, notAServer);
  if (about.modelHash !== modelHash) throw mismatch(url, 'holds another model');
}

const notAServer = 'does not describe itself as a server does; it may be an agent';

function checkDescription(url: string, meta: unknown, expected: StageDescription): void {
  const parsed = stageDescription.safeParse(meta);
  if (!parsed.success) throw mismatch(url, notAServer);
  const { data } = parsed;
  if (data.modelHash !== expected.modelHash) throw mismatch(url, 'holds another model');
  if (data.segment !== expected.segment || String(data.split.at) !== String(expected.split.at)) {
    const there = `segment ${data.segment} of the model cut at ${data.split.at}`;
    throw mismatch(url, `has ${there}, but segment ${expected.segment} of it cut at ${expected.split.at} is needed`);
  }
  const crossing = (tensors: StageDescription['receives']) => tensors.map(({ name, dtype }) => `${dtype} ${name}`);
  if (!sameNames(crossing(data.receives), crossing(expected.receives))) {
    throw mismatch(url, 'expects other tensors than those that cross the cut here');
  }
  if (!sameNames(data.answers, expected.answers)) throw mismatch(url, 'would answer with other outputs');
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

function mismatch(url: string, what: string): CutpointError {
  const message = `The server at ${url} ${what}. Start both with the same model and the same --at.`;
  return new CutpointError('CUT_MODEL_MISMATCH', message);
}
