import { Worker } from 'node:worker_threads';
import { cancelReason, onCancel } from '@cutpoint/core';

/** Keeps one core busy with arithmetic for so long. @throws CutpointError the signal's reason. */
export async function spin(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const code = `const { workerData } = require('node:worker_threads');
    const end = performance.now() + workerData;
    for (let x = 1; performance.now() < end; ) for (let i = 0; i < 1e5; i++) x = x * 1.0000001 + 1e-9;`;
  const worker = new Worker(code, { eval: true, workerData: ms });
  using _ = onCancel(signal, () => void worker.terminate());
  await new Promise<void>((resolve, reject) => worker.once('exit', () => resolve()).once('error', reject));
  if (signal?.aborted === true) throw cancelReason(signal);
}
