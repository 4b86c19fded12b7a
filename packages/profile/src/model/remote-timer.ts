import { CutpointError } from '@cutpoint/core';
import { type ConcreteInput, type CutModel, segmentsOf, sourceOf } from '@cutpoint/runtime';
import type { SegmentTimer } from './segment-timer.js';
import { chainOf } from './time-segments.js';

/** A segment as a runnable ONNX model, and the names of what it gives. */
export interface RemoteFile {
  readonly model: Uint8Array;
  readonly outputs: readonly string[];
}

/** What shall be timed together on another device, by `timeBatch`. */
export interface RemoteBatch {
  /** What the model takes. */
  readonly inputs: readonly ConcreteInput[];
  readonly whole: RemoteFile;
  /** Segments one behind the other: each runs on what the one before gives, the first on the model's inputs. */
  readonly segments: readonly RemoteFile[];
  readonly rounds: number;
}

export interface RemoteTimes {
  readonly loadMs: { readonly whole: number; readonly segments: readonly number[] };
  readonly referenceMs: readonly number[];
  /** Of each segment. */
  readonly ratios: readonly (readonly number[])[];
  readonly drift: number;
}

/** Has another device time segments of a model that it knows by their files alone. @throws CutpointError CUT_EXTERNAL_DATA */
export async function openRemoteTimer(
  model: CutModel,
  inputs: readonly ConcreteInput[],
  ask: (batch: RemoteBatch) => Promise<RemoteTimes>,
): Promise<SegmentTimer> {
  if (model.file.externalFiles.length > 0) {
    const message =
      'A device that gets its segments as single files cannot time a model whose weights lie in files beside it.';
    throw new CutpointError('CUT_EXTERNAL_DATA', message);
  }
  const last = model.list.cuts.length - 1;
  const whole = fileOf(model, 0, last);
  const alone = (rounds: number) => ask({ inputs, whole, segments: [], rounds });
  const first = await alone(2);
  return {
    loadMs: first.loadMs.whole,
    wholeMs: async () => Math.min(...first.referenceMs),
    async time(cuts, { rounds }) {
      const spans = chainOf(cuts, last);
      const segments = spans.map(({ from, to }) => fileOf(model, from, to));
      const { loadMs, ...batch } = await ask({ inputs, whole, segments, rounds });
      return { segments: spans.map((span, i) => ({ ...span, loadMs: loadMs.segments[i] ?? 0 })), batch };
    },
    timeWhole: async (rounds) => (await alone(rounds)).referenceMs,
    async [Symbol.asyncDispose]() {},
  };
}

function fileOf(model: CutModel, from: number, to: number): RemoteFile {
  const last = model.list.cuts.length - 1;
  const at = [from, to].filter((cut) => cut > 0 && cut < last);
  const segment = segmentsOf(model, at)[from > 0 ? 1 : 0]?.model;
  const source = segment == null ? undefined : sourceOf(segment, model.file);
  if (segment?.graph !== undefined && source?.kind === 'bytes') {
    return { model: source.model, outputs: segment.graph.output.map(({ name }) => name) };
  }
  throw new CutpointError('CUT_ILLEGAL_CUT', `There is nothing to time from cut ${from} to cut ${to}.`);
}
