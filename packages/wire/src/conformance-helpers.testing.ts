import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  byteLength,
  bytesPerElement,
  type CancelSignal,
  type DType,
  type NamedTensors,
  onCancel,
  type Tensor,
  tensorOf,
} from '@cutpoint/core';
import type { ConnectOptions } from './connect.js';
import type { Listener, ListenOptions } from './listen.js';
import type { Peer } from './peer.js';
import type { RequestHandler } from './served-connection.js';

/** How the tests of a transport listen and connect. */
export interface Wiring {
  serve(handler: RequestHandler, options?: Partial<ListenOptions>): Promise<Listener>;
  dial(listener: Listener, options?: Partial<ConnectOptions>): Promise<Peer>;
}

export const dtypes = Object.keys(bytesPerElement) as DType[];
export const echo: RequestHandler = async ({ meta, tensors }) => ({ meta, tensors });

/** For functions of the platform, which take nothing else. */
export function abortSignalOf(signal: CancelSignal): AbortSignal {
  const controller = new AbortController();
  onCancel(signal, () => controller.abort(signal.reason));
  return controller.signal;
}

/** Waits for a moment that the other side's clock decides. */
export async function until(condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error('The condition did not come true in time.');
    await sleep(2);
  }
}

export function filled(dtype: DType, shape: readonly number[], seed = 1): Tensor {
  const data = new Uint8Array(byteLength(dtype, shape));
  for (let i = 0; i < data.length; i++) data[i] = i * 31 + seed;
  return tensorOf(dtype, shape, data);
}

/** Tensors in a form that is quick to compare. */
export function digest(tensors: NamedTensors): unknown[] {
  return Array.from(tensors, ([name, { dtype, shape, data }]) => [
    name,
    dtype,
    shape,
    data.constructor,
    createHash('sha256').update(data).digest('hex'),
  ]);
}
