import { availableParallelism } from 'node:os';
import { type RankEndpoint, windowEnvironment } from '@cutpoint/cluster';
import { isLoopback } from '@cutpoint/daemon';
import { type DaemonProcess, startDaemonProcess } from '../run/daemon-process.js';
import { pinToCore } from './pin-to-core.js';

/** Ranks in processes of this machine, on loopback. */
export interface LocalRanks extends AsyncDisposable {
  readonly processes: readonly DaemonProcess[];
}

/**
 * Starts `cutpoint cluster join` so often, each on a free port of loopback. They stop when disposed, and by themselves when
 * this process dies.
 * @param pins whether each keeps to a core of its own, and this process, which is rank 0, to the first.
 * @param windows whether they will have a window, and so need the environment for it.
 * @throws CutpointError as `startDaemonProcess`
 */
export async function startLocalRanks(
  count: number,
  {
    shards,
    pins,
    windows,
    signal,
  }: { readonly shards: string; readonly pins: boolean; readonly windows: boolean; readonly signal: AbortSignal },
): Promise<LocalRanks> {
  const processes: DaemonProcess[] = [];
  const dispose = async () => void (await Promise.all(processes.map((each) => each[Symbol.asyncDispose]())));
  try {
    for (let i = 0; i < count; i++) {
      const args = ['--listen', 'tcp://127.0.0.1:0', '--shards', shards, '--log-level', 'error'];
      const env = windows ? windowEnvironment : undefined;
      processes.push(await startDaemonProcess({ verb: 'cluster join', args, signal, env }));
    }
    if (pins)
      for (const [core, pid] of [process.pid, ...processes.map((each) => each.pid)].entries()) pinToCore(pid, core);
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  return { processes, [Symbol.asyncDispose]: dispose };
}

/** Ranks of this machine: this process, and those that are reached on loopback. */
export function ranksHere(others: readonly RankEndpoint[]): number {
  return 1 + others.filter(({ url }) => URL.canParse(url) && isLoopback(new URL(url).hostname)).length;
}

/** Whether so many ranks with so many threads have a core each, so that none is kept from another by waiting for it. */
export function haveCoresEach(ranks: number, threads: number): boolean {
  return ranks * threads <= availableParallelism();
}
