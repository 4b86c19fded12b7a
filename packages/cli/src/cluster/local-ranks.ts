import { availableParallelism } from 'node:os';
import { type DaemonProcess, startDaemonProcess } from '../run/daemon-process.js';

/** Ranks in processes of this machine, on loopback. */
export interface LocalRanks extends AsyncDisposable {
  readonly processes: readonly DaemonProcess[];
}

/**
 * Starts `cutpoint cluster join` so often, each on a free port of loopback. They stop when disposed, and by themselves when
 * this process dies.
 * @throws CutpointError as `startDaemonProcess`
 */
export async function startLocalRanks(count: number, shards: string, signal: AbortSignal): Promise<LocalRanks> {
  const processes: DaemonProcess[] = [];
  const dispose = async () => void (await Promise.all(processes.map((each) => each[Symbol.asyncDispose]())));
  try {
    for (let i = 0; i < count; i++) {
      const args = ['--listen', 'tcp://127.0.0.1:0', '--shards', shards, '--log-level', 'error'];
      processes.push(await startDaemonProcess({ verb: 'cluster join', args, signal }));
    }
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  return { processes, [Symbol.asyncDispose]: dispose };
}

/** Whether so many ranks with so many threads have a core each, so that none is kept from another by waiting for it. */
export function haveCoresEach(ranks: number, threads: number): boolean {
  return ranks * threads <= availableParallelism();
}
