import type { EmulatedLink } from './emulated-link.js';
import type { DirectionParameters } from './link-parameters.js';
import { connectTcp } from './tcp-probe.testing.js';

export const flat = (rateMbit: number, delayMs: number): DirectionParameters => ({
  rateMbit,
  delayMs,
  jitterMs: 0,
  lossPct: 0,
});

export interface Accuracy {
  readonly pingMs: number;
  readonly upMs: number;
  readonly downMs: number;
  /** What the three should be. */
  readonly theory: { readonly pingMs: number; readonly upMs: number; readonly downMs: number };
}

/**
 * Times of a ping and of a large message in each direction, the quickest of each: a link is never too quick, and others
 * use the machine too. Theory is the link's figures and what the same takes without a link.
 */
export async function measureAccuracy(
  link: EmulatedLink,
  { bytes, runs, server }: { bytes: number; runs: number; server: string },
): Promise<Accuracy> {
  using client = await connectTcp(link.url);
  using direct = await connectTcp(server);
  const times = { pingMs: [] as number[], upMs: [] as number[], downMs: [] as number[], directMs: [] as number[] };
  for (let i = 0; i < runs; i += 1) await client.exchange(1, 1);
  for (let i = 0; i < runs; i += 1) {
    times.directMs.push(await direct.exchange(1, 1));
    times.pingMs.push(await client.exchange(1, 1));
    times.upMs.push(await client.exchange(bytes, 1));
    times.downMs.push(await client.exchange(1, bytes));
  }
  const { up, down } = link.parameters;
  const pingMs = up.delayMs + down.delayMs + Math.min(...times.directMs);
  const theory = { pingMs, upMs: pingMs + bytes / (up.rateMbit * 125), downMs: pingMs + bytes / (down.rateMbit * 125) };
  return {
    pingMs: Math.min(...times.pingMs),
    upMs: Math.min(...times.upMs),
    downMs: Math.min(...times.downMs),
    theory,
  };
}
