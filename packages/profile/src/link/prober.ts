import { type CancelSignal, CutpointError } from '@cutpoint/core';
import { type Peer, probeMethod, zeroBytes } from '@cutpoint/wire/browser';

export type Direction = 'up' | 'down';

/** A connection as the probe uses it: what one message took, round trip, in ms. */
export interface Prober {
  /** An empty message there and back. */
  ping(): Promise<number>;
  /** So many bytes one way, nothing the other. */
  message(direction: Direction, bytes: number): Promise<number>;
}

/** @param remainingMs how much longer anything may take. */
export function proberOf(peer: Peer, url: string, remainingMs: () => number, signal: CancelSignal): Prober {
  const message = async (direction: Direction, bytes: number) => {
    const tensors = new Map(direction === 'up' && bytes > 0 ? [['bytes', zeroBytes(bytes)]] : []);
    const meta = direction === 'down' ? { replyBytes: bytes } : {};
    const options = { signal, deadlineMs: Math.max(1, remainingMs()) };
    const began = performance.now();
    const { timing, tensors: answer } = await peer.request({ method: probeMethod, meta, tensors }, options);
    const tookMs = performance.now() - began;
    const wanted = direction === 'down' ? bytes : 0;
    const given = answer.get('bytes')?.data.byteLength ?? 0;
    if (given !== wanted) {
      const message = `${url} answered a probe with ${given} bytes instead of ${wanted}: it is no daemon of this version.`;
      throw new CutpointError('CUT_WIRE_MALFORMED', message);
    }
    // What the other side spent between the request's arrival and its reply is no part of the link.
    return tookMs - timing.remoteUs / 1000;
  };
  return { ping: () => message('up', 0), message };
}
