import { access, constants, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CutpointError, messageOf, throwIfCancelled } from '@cutpoint/core';
import { loadAuto } from '../provider/load-auto.js';
import { askedFor, autoProvider } from '../provider/provider-choice.js';
import { refuseModelProvider } from '../provider/provider-names.js';
import { startProcessHost } from './process-host.js';
import type { LoadMessage, Packet, SessionSettings } from './protocol.js';
import { QueuedSegment } from './queued-segment.js';
import type { Segment, SegmentOptions, SegmentSource } from './segment.js';
import { startThreadHost } from './thread-host.js';

/** Longer timers than this overflow in Node. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Loads a model into a worker of its own, a thread or a process. The caller's thread is never blocked by it.
 * @example await using segment = await loadSegment({ kind: 'file', path: 'segment-0.onnx' });
 * @throws CutpointError CUT_FILE_NOT_FOUND, CUT_MODEL_INVALID, CUT_EXTERNAL_DATA, CUT_UNSUPPORTED_OP,
 * CUT_UNSUPPORTED_TYPE, CUT_PROVIDER, CUT_LOAD, CUT_USAGE for an option out of range, CUT_WORKER_DIED, CUT_CANCELLED
 * or CUT_DEADLINE.
 */
export async function loadSegment(source: SegmentSource, options: SegmentOptions = {}): Promise<Segment> {
  const { provider = 'cpu', optimisation = 'all', isolation = 'thread', signal } = options;
  const threads = wholeNumber('threads', options.threads ?? 1, 1, 1024);
  const maxQueue = wholeNumber('maxQueue', options.maxQueue ?? 64, 0, 1_000_000);
  const slowDown = slowDownOf(options.slowDown ?? 1);
  const stuckMs = wholeNumber('stuckMs', options.stuckMs ?? 30_000, 1, maxTimerMs);
  throwIfCancelled(signal);
  if (source.kind === 'file') await requireReadable(source.path);
  if (provider === autoProvider) return await loadAuto(source, options, (named) => loadSegment(source, named));
  refuseModelProvider(provider);
  const startHost = isolation === 'thread' ? startThreadHost : startProcessHost;
  const packet = () => loadPacket(source, { provider, threads, optimisation, slowDown });
  return await QueuedSegment.load(startHost, packet, { maxQueue, stuckMs, provider: askedFor(provider) }, signal);
}

function wholeNumber(name: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new CutpointError(
    'CUT_USAGE',
    `The option ${name} must be a whole number from ${min} to ${max}, not ${value}.`,
  );
}

function slowDownOf(value: number): number {
  if (value >= 1 && value <= 1000) return value;
  throw new CutpointError('CUT_USAGE', `The option slowDown must be a number from 1 to 1000, not ${value}.`);
}

async function requireReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
    if ((await stat(path)).isFile()) return;
  } catch (thrown) {
    const message = `The model file ${path} cannot be read: ${messageOf(thrown)}.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause: thrown });
  }
  throw new CutpointError('CUT_FILE_NOT_FOUND', `The model must be a file, but ${path} is none.`);
}

function loadPacket(source: SegmentSource, settings: SessionSettings): Packet<LoadMessage> {
  if (source.kind === 'file') {
    return { message: { kind: 'load', source: { kind: 'file', path: resolve(source.path) }, settings }, payloads: [] };
  }
  const weightsFolder = source.weightsFolder === undefined ? null : resolve(source.weightsFolder);
  return {
    message: { kind: 'load', source: { kind: 'bytes', weightsFolder }, settings },
    // A copy, because a restart needs the bytes again.
    payloads: [new Uint8Array(source.model)],
  };
}
