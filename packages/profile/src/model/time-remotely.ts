import type { NamedTensors } from '@cutpoint/core';
import type { RemoteBatch, RemoteTimes } from './remote-timer.js';
import { type TimedSegment, timeBatch } from './time-batch.js';

/** A segment that is loaded on this device, however it runs it. */
export interface LoadedRunner extends AsyncDisposable {
  /** Runs it once: what it gives, and the time from its inputs in memory to its outputs in memory. */
  run(inputs: NamedTensors): Promise<{ readonly outputs: NamedTensors; readonly ms: number }>;
}

/** A `RemoteBatch` on the device that was asked: how its segments are loaded, and what the first runs on. */
export interface RemoteRun extends Pick<RemoteBatch, 'rounds'> {
  readonly whole: () => Promise<LoadedRunner>;
  readonly segments: readonly (() => Promise<LoadedRunner>)[];
  readonly inputs: NamedTensors;
  readonly signal: AbortSignal;
}

interface Loaded extends TimedSegment {
  readonly loadMs: number;
  readonly gives: () => Promise<NamedTensors>;
}

/** Loads and times what another machine asks for, and lets it go. @throws what loading and running do, CUT_CANCELLED */
export async function timeRemotely({ whole, segments, inputs, rounds, signal }: RemoteRun): Promise<RemoteTimes> {
  const opened: LoadedRunner[] = [];
  const load = async (open: () => Promise<LoadedRunner>, fed: NamedTensors): Promise<Loaded> => {
    const began = performance.now();
    const runner = await open();
    opened.push(runner);
    return { ...timedOn(runner, fed), loadMs: performance.now() - began };
  };
  try {
    const reference = await load(whole, inputs);
    const chain: Loaded[] = [];
    let known = inputs;
    for (const open of segments) {
      // What crosses a cut may be an input of the model, or what a segment before the last one gave, untouched.
      known = new Map([...known, ...((await chain.at(-1)?.gives()) ?? [])]);
      chain.push(await load(open, known));
    }
    const { referenceMs, ratios, drift } = await timeBatch(reference, chain, rounds, signal);
    return {
      loadMs: { whole: reference.loadMs, segments: chain.map(({ loadMs }) => loadMs) },
      referenceMs,
      ratios,
      drift,
    };
  } finally {
    for (const runner of opened.reverse()) await runner[Symbol.asyncDispose]();
  }
}

function timedOn(runner: LoadedRunner, inputs: NamedTensors): Omit<Loaded, 'loadMs'> {
  return {
    run: async () => (await runner.run(inputs)).ms,
    gives: async () => (await runner.run(inputs)).outputs,
  };
}
