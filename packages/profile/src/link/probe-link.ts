import type { LinkProfile } from '@cutpoint/plan';
import { connect } from '@cutpoint/wire';
import { defaultBudgetMs, type ProbePeerOptions, probeUntil, whyNot } from './probe-peer.js';

export interface ProbeOptions extends ProbePeerOptions {
  /** Address of a daemon: `ws://`, `wss://`, `tcp://` or `tcps://`. */
  readonly url: string;
  readonly token?: string | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures the link to a daemon by a connection of its own: see `probePeer`.
 * @throws CutpointError as `probePeer`, and what `connect` throws.
 */
export async function probeLink(options: ProbeOptions): Promise<LinkProfile> {
  const { url, token, ca, budgetMs = defaultBudgetMs, signal, onProgress } = options;
  const endsAtMs = performance.now() + budgetMs;
  const connectMs = Math.ceil(budgetMs);
  onProgress?.('connecting');
  const deadline = AbortSignal.timeout(connectMs);
  await using peer = await connect({
    url,
    connectTimeoutMs: budgetMs,
    signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    ...(token === undefined ? {} : { token }),
    ...(ca === undefined ? {} : { tls: { ca } }),
  }).catch((thrown: unknown) => {
    throw whyNot(thrown, url, { signal, isOver: deadline.aborted, budgetMs });
  });
  return await probeUntil(peer, url, endsAtMs, { budgetMs, signal, onProgress });
}
