import { setTimeout as sleep } from 'node:timers/promises';
import type { TransformTables } from '@cutpoint/codec';
import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import { loadStage, type SegmentOptions, type SplitModel } from '@cutpoint/runtime';
import { CutCodecs } from './cut-codecs.js';
import { choiceOf, type SplitSource } from './split-source.js';
import { StageStore, stageKey } from './stage-store.js';

/** One way in which a deployed model is split, with the segments of it that this device runs. */
export interface DeployedSplit {
  readonly model: SplitModel;
  /** Places of the segments, from 0. */
  readonly own: readonly number[];
}

export interface DeployedModelOptions {
  readonly splits: readonly DeployedSplit[];
  readonly tables: TransformTables;
  readonly segmentOptions: SegmentOptions;
  readonly signal?: CancelSignal;
}

/** A model as it was deployed to this device: only the splits that were deployed, with this device's segments loaded. */
export class DeployedModel implements AsyncDisposable {
  readonly source: SplitSource;
  readonly stages: StageStore;
  readonly codecs: CutCodecs;
  #users = 0;
  #leaving = false;

  private constructor(source: SplitSource, stages: StageStore, codecs: CutCodecs) {
    this.source = source;
    this.stages = stages;
    this.codecs = codecs;
  }

  /**
   * Loads the segments, each once however many splits share it.
   * @throws CutpointError CUT_DEPLOYMENT if the splits are none of one model; CUT_CANCELLED; what `loadStage` throws.
   */
  static async open({ splits, tables, segmentOptions, signal }: DeployedModelOptions): Promise<DeployedModel> {
    const source = sourceOf(splits.map(({ model }) => model));
    const wanted = new Map(
      splits.flatMap(({ model, own }) => own.map((index) => [keyOf(model, index), { model, index }])),
    );
    // Room for those that have nothing to compute as well.
    const stages = new StageStore(splits.reduce((sum, { model }) => sum + model.segments.length, 0));
    try {
      for (const [key, { model, index }] of wanted) {
        throwIfCancelled(signal);
        const plan = model.segments[index];
        if (plan === undefined) throw new CutpointError('CUT_DEPLOYMENT', `A split has no segment ${index}.`);
        const options = signal === undefined ? segmentOptions : { ...segmentOptions, signal };
        await stages.use(
          key,
          () => loadStage(plan, options),
          async () => undefined,
        );
      }
      return new DeployedModel(source, stages, new CutCodecs(tables));
    } catch (thrown) {
      await stages[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Requests that are under way. */
  get users(): number {
    return this.#users;
  }

  /**
   * Does something with the model, which stays loaded meanwhile.
   * @throws CutpointError CUT_STALE if it is being taken away; what `work` throws.
   */
  async use<T>(work: (model: DeployedModel) => Promise<T>): Promise<T> {
    if (this.#leaving)
      throw new CutpointError('CUT_STALE', 'This deployment has ended here: ask again under the new one.');
    this.#users += 1;
    try {
      return await work(this);
    } finally {
      this.#users -= 1;
    }
  }

  /** Accepts nothing new, lets what is under way end for up to `graceMs`, and frees the segments. */
  async drain(graceMs: number): Promise<void> {
    this.#leaving = true;
    const endsAtMs = performance.now() + graceMs;
    while (this.#users > 0 && performance.now() < endsAtMs) await sleep(pollMs);
    await this.stages[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }
}

const pollMs = 20;

function keyOf({ cuts }: SplitModel, index: number): string {
  return stageKey(
    cuts.map((cut) => cut.index),
    index,
  );
}

function sourceOf(models: readonly SplitModel[]): SplitSource {
  const [first] = models;
  if (first === undefined || models.some(({ modelHash }) => modelHash !== first.modelHash)) {
    throw new CutpointError('CUT_DEPLOYMENT', 'A deployment is of one model, split in one way at least.');
  }
  const known = new Map(models.map((model) => [String(model.cuts.map(({ index }) => index)), model]));
  const { modelHash, inputs, outputs, assumed } = first;
  return {
    modelHash,
    inputs,
    outputs,
    assumed,
    cuts: undefined,
    choices: models.flatMap(choiceOf),
    pictures: undefined,
    fixed: undefined,
    splitAt(at) {
      const model = known.get(String(at));
      if (model !== undefined) return model;
      const message = `The model was not deployed here cut at ${at.length === 0 ? 'no place' : at}: ask again under the new deployment.`;
      throw new CutpointError('CUT_MODEL_MISMATCH', message);
    },
  };
}
