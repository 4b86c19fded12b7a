import type { ContentStore, Hold } from '@cutpoint/control';
import { filesOf } from './assignments.js';
import type { FleetAssignments } from './rollout.js';

/** Files of deployments that the store must keep: what devices may still have to fetch, and what they would for a rollback. */
export class HeldFiles implements Disposable {
  readonly #content: Pick<ContentStore, 'hold'>;
  #holds: Hold[] = [];
  #holding: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(content: Pick<ContentStore, 'hold'>) {
    this.#content = content;
  }

  /** Holds what these need, and no more. */
  keep(fleets: readonly FleetAssignments[]): void {
    const hashes = new Set(
      fleets.flatMap((fleet) => [...fleet.values()].flat().flatMap(filesOf)).map(({ hash }) => hash),
    );
    this.#holding = this.#holding.then(async () => {
      const held = await Promise.all([...hashes].map((hash) => this.#content.hold(hash)));
      this.#release();
      this.#holds = held.flatMap((hold) => hold ?? []);
      if (this.#closed) this.#release();
    });
  }

  /** Resolves once all is held that was to be kept before. */
  held(): Promise<void> {
    return this.#holding;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#release();
  }

  #release(): void {
    for (const hold of this.#holds.splice(0)) hold[Symbol.dispose]();
  }
}
