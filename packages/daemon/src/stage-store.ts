import { CutpointError } from '@cutpoint/core';
import type { ProviderChoice, SegmentHealth, Stage } from '@cutpoint/runtime';

interface Entry {
  readonly stage: Promise<Stage>;
  /** Once loaded. */
  loaded: Stage | undefined;
  users: number;
}

/**
 * What a stage is known by among the segments of a model: segments between the same cuts are the same, whatever else is
 * cut. The first is known by where it ends.
 */
export function stageKey(at: readonly number[], segment: number): string {
  return segment === 0 ? `${at[0]}` : `${at[segment - 1]} to ${at[segment] ?? 'the end'}`;
}

/** Loaded segments, at most so many at a time: those that were not used for longest make room for others. */
export class StageStore implements AsyncDisposable {
  readonly #maxStages: number;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #disposed = false;

  constructor(maxStages: number) {
    this.#maxStages = maxStages;
  }

  /** The worst health of those loaded. */
  get health(): SegmentHealth {
    const all = [...this.#entries.values()].map(({ loaded }) => loaded?.health ?? 'ready');
    return (['broken', 'stuck', 'restarting'] as const).find((health) => all.includes(health)) ?? 'ready';
  }

  /** What computes those loaded, by their keys; those that compute nothing are left out. */
  get providers(): Readonly<Record<string, Pick<ProviderChoice, 'provider' | 'how'>>> {
    const all = [...this.#entries].flatMap(([key, { loaded }]) => {
      const choice = loaded?.provider;
      return choice === undefined ? [] : [[key, { provider: choice.provider, how: choice.how }] as const];
    });
    return Object.fromEntries(all);
  }

  /**
   * Works with the stage of that key, loading it first where it is not loaded; it stays loaded meanwhile.
   * @throws CutpointError CUT_OVERLOADED if as many as may be loaded are all in use; what `load` and `work` throw.
   */
  async use<T>(key: string, load: () => Promise<Stage>, work: (stage: Stage) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(key) ?? this.#add(load);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users += 1;
    try {
      const stage = await entry.stage.catch((thrown: unknown) => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
        throw thrown;
      });
      return await work(stage);
    } finally {
      entry.users -= 1;
    }
  }

  #add(load: () => Promise<Stage>): Entry {
    if (this.#disposed) throw new CutpointError('CUT_DISPOSED', 'The daemon is shutting down.');
    if (this.#entries.size >= this.#maxStages) this.#makeRoom();
    const entry: Entry = { stage: load(), loaded: undefined, users: 0 };
    entry.stage.then(
      (stage) => {
        entry.loaded = stage;
      },
      () => undefined, // whoever uses the entry hears of it
    );
    return entry;
  }

  #makeRoom(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.users > 0) continue;
      this.#entries.delete(key);
      void entry.loaded?.[Symbol.asyncDispose]();
      return;
    }
    const message = `All ${this.#maxStages} segments that may be loaded are in use; raise --max-stages or try again later.`;
    throw new CutpointError('CUT_OVERLOADED', message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    const stages = await Promise.allSettled(entries.map(({ stage }) => stage));
    await Promise.all(
      stages.map((result) => (result.status === 'fulfilled' ? result.value[Symbol.asyncDispose]() : undefined)),
    );
  }
}
