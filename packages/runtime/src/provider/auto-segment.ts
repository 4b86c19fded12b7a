import { CutpointError, type NamedTensors } from '@cutpoint/core';
import type { RunOptions, RunResult, Segment, SegmentHealth } from '../segment/segment.js';
import type { ProviderChoice } from './provider-choice.js';

/**
 * What fails for its inputs fails everywhere; these may be the provider's own. Disposed of is the segment under requests that
 * wait for it when another one fails.
 */
const ownFailures: ReadonlySet<string> = new Set(['CUT_RUN', 'CUT_WORKER_DIED', 'CUT_DISPOSED']);

export interface AutoSegmentParts {
  readonly segment: Segment;
  readonly choice: ProviderChoice;
  /** Loads the same segment on the CPU. */
  readonly loadOnCpu: () => Promise<Segment>;
  /** Is told that the CPU computes from now on; what was chosen is to be measured again at the next start. */
  readonly onFallback: (choice: ProviderChoice) => Promise<void>;
}

/** A segment on a provider that was chosen by measurement: where that fails later on what the CPU can compute, the CPU goes on. */
export class AutoSegment implements Segment {
  readonly #loadOnCpu: AutoSegmentParts['loadOnCpu'];
  readonly #onFallback: AutoSegmentParts['onFallback'];
  #segment: Segment;
  #choice: ProviderChoice;
  #cpu: Promise<Segment> | undefined;
  #disposed = false;

  constructor({ segment, choice, loadOnCpu, onFallback }: AutoSegmentParts) {
    this.#segment = segment;
    this.#choice = choice;
    this.#loadOnCpu = loadOnCpu;
    this.#onFallback = onFallback;
  }

  get provider(): ProviderChoice {
    return this.#choice;
  }

  get inputs() {
    return this.#segment.inputs;
  }

  get outputs() {
    return this.#segment.outputs;
  }

  get health(): SegmentHealth {
    return this.#segment.health;
  }

  get processId(): number | undefined {
    return this.#segment.processId;
  }

  async run(inputs: NamedTensors, options: RunOptions = {}): Promise<RunResult> {
    const segment = this.#segment;
    if (this.#choice.provider === 'cpu') return await segment.run(inputs, options);
    try {
      // Given away, the inputs would be gone for the CPU.
      return await segment.run(inputs, { ...options, transfer: false });
    } catch (thrown) {
      const failed = thrown instanceof CutpointError && ownFailures.has(thrown.code) && !this.#disposed;
      if (!failed) throw thrown;
      return await this.#runOnCpu(segment, inputs, options, thrown);
    }
  }

  async #runOnCpu(
    before: Segment,
    inputs: NamedTensors,
    options: RunOptions,
    failed: CutpointError,
  ): Promise<RunResult> {
    const loading = this.#cpu ?? this.#loadOnCpu();
    this.#cpu = loading;
    const cpu = await loading.catch((thrown: unknown) => {
      // What could not be loaded now may be later: the next request tries again.
      if (this.#cpu === loading) this.#cpu = undefined;
      throw thrown;
    });
    const result = await cpu.run(inputs, options);
    if (this.#segment !== cpu) {
      this.#segment = cpu;
      const notice = `${this.#choice.provider} failed and is not used any more: ${failed.message}`;
      const { trials, notices } = this.#choice;
      this.#choice = { provider: 'cpu', how: 'fallback', trials, notices: [...notices, notice] };
      await before.dispose();
      await this.#onFallback(this.#choice);
    }
    return result;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await this.#segment.dispose();
    const cpu = await this.#cpu?.catch(() => undefined);
    await cpu?.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}
