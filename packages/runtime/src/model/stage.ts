import { type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import type { ProviderChoice } from '../provider/provider-choice.js';
import { loadSegment } from '../segment/load-segment.js';
import type { RunTiming, SegmentHealth, SegmentOptions } from '../segment/segment.js';
import type { SegmentPlan } from './split-model.js';

/** What a stage gives for one request. */
export interface StageResult {
  /** Tensors that cross the cut after the stage. */
  readonly sends: NamedTensors;
  /** Outputs of the whole model that are known now. */
  readonly answers: NamedTensors;
  readonly timing: RunTiming;
}

/** A segment, loaded and ready to serve requests. */
export interface Stage extends AsyncDisposable {
  readonly plan: SegmentPlan;
  /** Whether it can serve; a stage that only hands tensors on always can. */
  readonly health: SegmentHealth;
  /** What computes it now; undefined where there is nothing to compute. */
  readonly provider: ProviderChoice | undefined;
  /** The process that holds the segment; undefined in a thread, or where there is nothing to compute. */
  readonly processId: number | undefined;
  /**
   * Runs the segment on what crossed the cut before it. Tensors that only pass through are handed on untouched.
   * @throws CutpointError CUT_INPUT if a tensor is missing or unknown, and what `Segment.run` throws.
   */
  run(tensors: NamedTensors, options?: { signal?: CancelSignal; transfer?: boolean }): Promise<StageResult>;
}

const noTime: RunTiming = { queueUs: 0, inputUs: 0, computeUs: 0, outputUs: 0 };

/** Loads the segment of a plan. @throws CutpointError what `loadSegment` throws. */
export async function loadStage(plan: SegmentPlan, options: SegmentOptions = {}): Promise<Stage> {
  const source = await plan.source();
  const segment = source === null ? null : await loadSegment(source, { inputShapes: plan.inputShapes, ...options });
  return {
    plan,
    get health() {
      return segment?.health ?? 'ready';
    },
    get provider() {
      return segment?.provider;
    },
    get processId() {
      return segment?.processId;
    },
    async run(tensors, runOptions = {}) {
      checkNames(plan, tensors);
      if (segment === null) return collect(plan, tensors, new Map(), noTime);
      const inputs = new Map(segment.inputs.map(({ name }) => [name, required(tensors, name)]));
      const kept = new Set([...plan.sends, ...plan.answers]);
      // A tensor that also travels on must survive the run, so its buffer cannot be given away.
      const transfer = runOptions.transfer === true && ![...inputs.keys()].some((name) => kept.has(name));
      const { outputs, timing } = await segment.run(inputs, { ...runOptions, transfer });
      return collect(plan, tensors, outputs, timing);
    },
    async [Symbol.asyncDispose]() {
      await segment?.dispose();
    },
  };
}

function collect(plan: SegmentPlan, given: NamedTensors, outputs: NamedTensors, timing: RunTiming): StageResult {
  const pick = (names: readonly string[]) =>
    new Map(names.map((name) => [name, outputs.get(name) ?? required(given, name)]));
  return { sends: pick(plan.sends), answers: pick(plan.answers), timing };
}

function checkNames(plan: SegmentPlan, tensors: NamedTensors): void {
  const unknown = [...tensors.keys()].find((name) => !plan.receives.includes(name));
  if (unknown !== undefined) throw wrongName(plan, `"${unknown}" is not one of them`);
  const missing = plan.receives.find((name) => !tensors.has(name));
  if (missing !== undefined) throw wrongName(plan, `"${missing}" is missing`);
}

function wrongName(plan: SegmentPlan, what: string): CutpointError {
  const names = plan.receives.map((name) => `"${name}"`).join(', ');
  return new CutpointError('CUT_INPUT', `Segment ${plan.index} takes the tensors ${names}: ${what}.`);
}

function required(tensors: NamedTensors, name: string) {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new CutpointError('CUT_INPUT', `The tensor "${name}" is missing.`);
  return tensor;
}
