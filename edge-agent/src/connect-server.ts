import { CutpointError } from '@cutpoint/core';
import { type StageDescription, stageDescription } from '@cutpoint/daemon';
import type { CutIdentity, SegmentPlan } from '@cutpoint/runtime';
import { connect, type Peer } from '@cutpoint/wire';

/** Which server to use and how to reach it. */
export interface ServerAddress {
  readonly url: string;
  /** PEM of the authority of the server's certificate. */
  readonly ca?: string;
  readonly token?: string;
  readonly connectTimeoutMs: number;
}

/** What the server must hold for its answers to fit. */
export interface ExpectedBack {
  readonly modelHash: string;
  readonly cut: CutIdentity;
  readonly back: SegmentPlan;
}

/**
 * Connects and makes sure that the server holds the same model, cut at the same place.
 * @throws CutpointError CUT_MODEL_MISMATCH, or what `connect` throws: CUT_UNREACHABLE, CUT_TLS, CUT_UNAUTHORISED, ...
 */
export async function connectServer(
  address: ServerAddress,
  expected: ExpectedBack,
  signal?: AbortSignal,
): Promise<Peer> {
  const { url, ca, token, connectTimeoutMs } = address;
  const peer = await connect({
    url,
    connectTimeoutMs,
    hello: { name: 'cutpoint-agent', capabilities: [] },
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(token === undefined ? {} : { token }),
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    const options = { deadlineMs: connectTimeoutMs, ...(signal === undefined ? {} : { signal }) };
    const { meta } = await peer.request({ method: 'describe' }, options);
    checkDescription(url, meta, expected);
    return peer;
  } catch (thrown) {
    await peer.close();
    throw thrown;
  }
}

function checkDescription(url: string, meta: unknown, { modelHash, cut, back }: ExpectedBack): void {
  const parsed = stageDescription.safeParse(meta);
  if (!parsed.success) throw mismatch(url, 'does not describe itself as a server does; is it an agent?');
  const { data } = parsed;
  if (data.modelHash !== modelHash) throw mismatch(url, 'holds another model');
  if (data.cut.index !== cut.index) {
    throw mismatch(url, `has the model cut at ${data.cut.index}, but here it is cut at ${cut.index}`);
  }
  const crossing = (tensors: StageDescription['receives']) => tensors.map(({ name, dtype }) => `${dtype} ${name}`);
  if (!sameNames(crossing(data.receives), crossing([...cut.tensors]))) {
    throw mismatch(url, 'expects other tensors than those that cross the cut here');
  }
  if (!sameNames(data.answers, back.answers)) throw mismatch(url, 'would answer with other outputs');
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

function mismatch(url: string, what: string): CutpointError {
  const message = `The server at ${url} ${what}. Start both with the same model and the same --at.`;
  return new CutpointError('CUT_MODEL_MISMATCH', message);
}
