import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type CancelSignal, CutpointError, messageOf, onCancel, throwIfCancelled } from '@cutpoint/core';
import type { LlmSide } from '@cutpoint/plan';
import { memoryOfPart } from '../memory/held-bytes.js';
import { processBytes } from '../memory/model-sizes.js';
import type { Package } from '../package/read-package.js';
import type { MemoryProbe } from './memory-probe.js';

export interface MemoryRequest {
  readonly package: Package;
  readonly threads: number;
  readonly onProgress?: (what: string) => void;
  readonly signal?: CancelSignal | undefined;
}

/** The built script; `src/calibrate` and `dist/calibrate` lie equally deep, so this holds from both. */
const script = fileURLToPath(new URL('../../dist/calibrate/memory-probe.js', import.meta.url));
const probeDeadlineMs = 600_000;
/** Of fewer weights a process's own ups and downs would say more than they. */
const leastWeightBytes = 64e6;

/**
 * What this device's runtime makes of weights, from two processes: one with a layer and one with all and the head. What the
 * tokenizer takes, measured in a third, is counted to the process.
 * @throws CutpointError CUT_RUN if a probe fails, CUT_CANCELLED.
 */
export async function measureMemory(request: MemoryRequest): Promise<LlmSide['memory']> {
  const { manifest, folder } = request.package;
  const { threads, onProgress, signal } = request;
  const { layers } = manifest.config;
  const bytesOf = (what: MemoryProbe['what']) => probed({ folder: resolve(folder), what, threads }, signal);
  onProgress?.('memory of the tokenizer');
  const tokenizerBytes = await bytesOf({ kind: 'tokenizer' });
  const baseBytes = processBytes + Math.max(0, tokenizerBytes);
  const more = [...manifest.layers.slice(1), manifest.head].map((part) => memoryOfPart<string>(part).heldBytes);
  const moreBytes = more.reduce((sum, bytes) => sum + bytes, 0);
  if (moreBytes < leastWeightBytes) return { baseBytes, perWeightByte: 1 };
  onProgress?.(`memory of 1 of ${layers} layers`);
  const one = await bytesOf({ kind: 'layers', to: 1 });
  onProgress?.(`memory of all ${layers} layers`);
  const all = await bytesOf({ kind: 'layers', to: layers });
  return { baseBytes, perWeightByte: Math.max(0, (all - one) / moreBytes) };
}

const execute = promisify(execFile);

async function probed(probe: MemoryProbe, signal: CancelSignal | undefined): Promise<number> {
  throwIfCancelled(signal);
  const stop = new AbortController();
  using _ = onCancel(signal, () => stop.abort());
  try {
    const options = { signal: stop.signal, timeout: probeDeadlineMs };
    const { stdout } = await execute(process.execPath, [script, JSON.stringify(probe)], options);
    const bytes = Number(stdout);
    if (stdout !== '' && Number.isFinite(bytes)) return bytes;
    throw new Error(`it said "${stdout.slice(0, 100)}"`);
  } catch (thrown) {
    throwIfCancelled(signal);
    const message = `A process that measures memory failed: ${messageOf(thrown)}.`;
    throw new CutpointError('CUT_RUN', message, { cause: thrown });
  }
}
