import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { enterNative, leaveNative } from '@cutpoint/runtime';
import type { ForwardMessage, FromDecoder, ToDecoder } from './decoder-protocol.js';
import type { RangeService } from './range-service.js';

/**
 * Serves one range of layers over a worker's port: opens it once, then does what arrives, in order.
 * @param gate keeps the process from ending inside native code. @param openService opens what is asked for.
 */
export function serveDecoder<Request>(
  port: MessagePort,
  gate: Int32Array,
  openService: (request: Request) => Promise<RangeService>,
): void {
  const waiting: ToDecoder<Request>[] = [];
  const cancelled = new Set<number>();
  let service: RangeService | undefined;
  let stopping = false;
  let working = false;
  let lastDone = 0;
  leaveNative(gate);

  async function native<T>(work: () => Promise<T>): Promise<T> {
    enterNative(gate);
    try {
      return await work();
    } finally {
      leaveNative(gate);
    }
  }

  const post = (message: FromDecoder, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, transfer);

  async function open(request: Request): Promise<void> {
    try {
      service = await native(() => openService(request));
      post({ kind: 'opened' });
    } catch (thrown) {
      const { code, message: text } = asCutpointError(thrown, 'CUT_LOAD');
      post({ kind: 'refused', code, message: text });
    }
  }

  async function forward(message: ForwardMessage): Promise<void> {
    const { id } = message;
    try {
      if (service === undefined) throw new CutpointError('CUT_INTERNAL', 'A pass arrived before the range was opened.');
      const decoder = service;
      const from = performance.now();
      const data = await native(() => decoder.forward(message, () => throwIfCancelled(id)));
      const computeMs = performance.now() - from;
      post({ kind: 'passed', id, data, computeMs, cacheBytes: decoder.cacheBytes }, [data.buffer]);
    } catch (thrown) {
      const { code, message: text } = asCutpointError(thrown, 'CUT_RUN');
      post({ kind: 'failed', id, code, message: text });
    }
    cancelled.delete(id);
    lastDone = id;
  }

  function throwIfCancelled(id: number): void {
    // A pass blocks the thread: what arrived meanwhile may cancel the rest of it.
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      receive(next.message);
    }
    if (stopping || cancelled.has(id)) throw new CutpointError('CUT_CANCELLED', 'The request was cancelled.');
  }

  async function work(): Promise<void> {
    working = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.kind === 'open') await open(next.request);
      else if (next.kind === 'forward') await forward(next);
      else if (next.kind === 'truncate') service?.truncate(next.sequence, next.tokens);
      else if (next.kind === 'clone') service?.clone(next.sequence, next.into, next.tokens);
      else if (next.kind === 'drop') service?.drop(next.sequence);
    }
    working = false;
    if (!stopping) return;
    const decoder = service;
    if (decoder !== undefined) await native(() => decoder.release());
    port.close();
  }

  function receive(message: ToDecoder<Request>): void {
    if (message.kind === 'cancel') {
      // Passes are numbered in order.
      if (message.id > lastDone) cancelled.add(message.id);
      else service?.undo(message.id);
    } else if (message.kind === 'stop') stopping = true;
    else waiting.push(message);
  }

  port.on('message', (message: ToDecoder<Request>) => {
    receive(message);
    if (!working) void work();
  });
}
