import type { CommandAction } from '@cutpoint/control/browser';
import { CutpointError, type DType } from '@cutpoint/core';
import { probePeer, timeRemotely } from '@cutpoint/profile/browser';
import { randomInputs } from '@cutpoint/runtime/browser';
import type { Peer } from '@cutpoint/wire/browser';
import { type ContentName, fetchUnkept } from '../files/fetch-content.js';
import { runtimeVersion } from '../runtime/load-runtime.js';
import { wasmThreads } from '../runtime/wasm-threads.js';
import { loadTimed } from './timed-segment.js';

export interface ObeyOptions {
  /** The connection that requests use. @throws CutpointError while there is none */
  readonly peer: () => Peer;
  readonly token: () => string | undefined;
  /** Hears what is being measured for a plan, for the visitor to read; undefined when that is over. */
  readonly onMeasuring: (what: string | undefined) => void;
}

type TimeSegments = Extract<CommandAction, { kind: 'time-segments' }>;

/** A line of a reply is no longer. */
const lineLength = 4_000;

/** Does what the server commands: tells how this page runs segments, times some, probes the link. @throws CutpointError */
export function obey({
  peer,
  token,
  onMeasuring,
}: ObeyOptions): (action: CommandAction, signal: AbortSignal) => Promise<readonly string[]> {
  return async (action, signal) => {
    switch (action.kind) {
      case 'describe-runtime':
        return linesOf({
          name: 'onnxruntime-web',
          version: runtimeVersion,
          provider: 'wasm',
          threads: wasmThreads(),
        });
      case 'time-segments':
        return linesOf(await told(onMeasuring, () => timeSegments(action, token(), onMeasuring, signal)));
      case 'probe-link':
        onMeasuring('Measuring the link to the server for a plan.');
        return linesOf(
          await told(onMeasuring, () => probePeer(peer(), 'server', { budgetMs: action.probeMs, signal })),
        );
      case 'logs':
        throw new CutpointError('CUT_USAGE', 'A page keeps no log: look at the console of its browser.');
      default:
        // Nothing to do for a page: it keeps no certificates of others, and its browser its cache.
        return [];
    }
  };
}

async function told<T>(onMeasuring: ObeyOptions['onMeasuring'], measure: () => Promise<T>): Promise<T> {
  try {
    return await measure();
  } finally {
    onMeasuring(undefined);
  }
}

async function timeSegments(
  { whole, segments, inputs, rounds }: TimeSegments,
  token: string | undefined,
  onMeasuring: ObeyOptions['onMeasuring'],
  signal: AbortSignal,
) {
  const load = (name: ContentName, what: string) => async () => {
    onMeasuring(`Measuring this device for a plan: ${what}.`);
    return await loadTimed(await fetchUnkept(name, { token, signal }), signal);
  };
  const specs = inputs.map(({ name, dtype, shape }) => ({ name, dtype: dtype as DType, shape, declared: shape }));
  return await timeRemotely({
    whole: load(whole, 'the whole model'),
    segments: segments.map((name, i) => load(name, `segment ${i + 1} of ${segments.length}`)),
    inputs: randomInputs(specs),
    rounds,
    signal,
  });
}

function linesOf(answer: object): readonly string[] {
  const text = JSON.stringify(answer);
  return Array.from({ length: Math.ceil(text.length / lineLength) }, (_, i) =>
    text.slice(i * lineLength, (i + 1) * lineLength),
  );
}
