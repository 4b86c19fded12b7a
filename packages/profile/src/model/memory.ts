import { readFile } from 'node:fs/promises';
import type { NamedTensors } from '@cutpoint/core';
import { buildModel, type CutList, node, serialiseModel, tensorValue } from '@cutpoint/graph';
import type { ModelProfile } from '@cutpoint/plan';
import { type CutModel, loadSegment } from '@cutpoint/runtime';
import { errorPct, median } from '../statistics.js';
import { nonNegativeLeastSquares } from './least-squares.js';
import { loadSpan, type Span, type StageOptions } from './time-segments.js';

/** Memory of a segment in a process of its own, less that process with next to nothing loaded. */
export interface SpanMemory extends Span {
  readonly residentBytes: number;
  readonly peakBytes: number;
}

export interface MeasuredMemory {
  /** A worker process with a model of one node. */
  readonly processBytes: number;
  readonly spans: readonly SpanMemory[];
}

type MemoryFit = ModelProfile['memory'];

/** Where memory cannot be measured. Errors are null then, so that everyone can see that it was not. */
const assumed: MemoryFit = { baseBytes: 100e6, perWeightByte: 2, perActivationByte: 4, errorPct: null };

const runsForPeak = 3;

/** Memory of segments, each in a process of its own; undefined on systems that do not tell it (all but Linux). */
export async function measureMemory(
  model: CutModel,
  spans: readonly Span[],
  inputsAt: (cut: number) => Promise<NamedTensors>,
  options: StageOptions,
): Promise<MeasuredMemory | undefined> {
  const processBytes = await processAlone(options);
  if (processBytes === undefined) return undefined;
  const measured: SpanMemory[] = [];
  for (const span of spans) {
    const inputs = await inputsAt(span.from);
    await using loaded = await loadSpan(model, span, { ...options, isolation: 'process' });
    const segment = loaded.on(inputs);
    const after = await memoryOf(loaded.processId);
    for (let run = 0; run < runsForPeak; run++) await segment.run();
    const atMost = await memoryOf(loaded.processId);
    if (after === undefined || atMost === undefined) continue;
    measured.push({
      ...span,
      residentBytes: Math.max(0, after.residentBytes - processBytes),
      peakBytes: Math.max(0, atMost.peakBytes - processBytes),
    });
  }
  return { processBytes, spans: measured };
}

async function processAlone({ signal, provider }: StageOptions): Promise<number | undefined> {
  const tiny = buildModel({
    inputs: [tensorValue('x', 'f32', [1])],
    outputs: [tensorValue('y', 'f32', [1])],
    nodes: [node('Relu', ['x'], ['y'])],
  });
  const source = { kind: 'bytes', model: serialiseModel(tiny) } as const;
  await using segment = await loadSegment(source, { isolation: 'process', provider, ...(signal && { signal }) });
  return (await memoryOf(segment.processId))?.residentBytes;
}

/** Resident memory of a process now and at its most, from Linux' `/proc`; undefined elsewhere. */
export async function memoryOf(
  processId: number | undefined,
): Promise<{ residentBytes: number; peakBytes: number } | undefined> {
  if (processId === undefined || process.platform !== 'linux') return undefined;
  const text = await readFile(`/proc/${processId}/status`, 'utf8');
  const bytes = (name: string) => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  };
  const [residentBytes, peakBytes] = [bytes('VmRSS'), bytes('VmHWM')];
  return residentBytes === undefined || peakBytes === undefined ? undefined : { residentBytes, peakBytes };
}

/**
 * Peak memory of any segment from that of a few: the process, what each byte of weights takes (it is unpacked and packed
 * anew) and each byte of the largest crossing within the segment, its ends included.
 */
export function fitMemory(list: CutList, measured: MeasuredMemory | undefined): MemoryFit {
  if (measured === undefined || measured.spans.length < 3) return assumed;
  const { processBytes, spans } = measured;
  const facts = spans.map((span) => ({ ...sizesOf(list, span), peakBytes: span.peakBytes }));
  const rows = facts.map(({ weightBytes, crossingBytes, peakBytes }) => ({
    x: [1, weightBytes / mega, crossingBytes / mega],
    y: peakBytes / mega,
    weight: mega / Math.max(mega, processBytes + peakBytes),
  }));
  // Rows count relative to their size; the pull keeps what nothing speaks for near what is usual.
  const expected = { values: [0, assumed.perWeightByte, assumed.perActivationByte], weight: 0.01 };
  const [extra = 0, perWeightByte = 0, perActivationByte = 0] = nonNegativeLeastSquares(rows, expected);
  const baseBytes = Math.round(processBytes + extra * mega);
  const errors = facts.map(({ weightBytes, crossingBytes, peakBytes }) =>
    errorPct(baseBytes + perWeightByte * weightBytes + perActivationByte * crossingBytes, processBytes + peakBytes),
  );
  return { baseBytes, perWeightByte, perActivationByte, errorPct: median(errors) };
}

const mega = 1e6;

function sizesOf({ cuts }: CutList, { from, to }: Span): { weightBytes: number; crossingBytes: number } {
  const weightsAt = (index: number) => cuts[index]?.frontWeightBytes ?? 0;
  const crossings = cuts.slice(from, to + 1).map(({ bytes }) => bytes);
  return { weightBytes: Math.max(0, weightsAt(to) - weightsAt(from)), crossingBytes: Math.max(0, ...crossings) };
}
