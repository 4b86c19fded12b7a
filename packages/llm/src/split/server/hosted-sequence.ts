import { CutpointError } from '@cutpoint/core';
import { capacityStepTokens } from '../../decode/kv-cache.js';
import { cachedHeadBytes } from '../../graph/cache-kind.js';
import type { CrossingCodecs } from '../crossing-codecs.js';
import type { SequenceSettings } from '../split-protocol.js';
import type { RangeLease } from './range-store.js';

/** What the server keeps of one sequence of an agent. */
export class HostedSequence implements Disposable {
  /** How many tokens the layers hold. */
  held = 0;
  /** Those tokens; none where the split is private. */
  text: number[] = [];
  usedAtMs = performance.now();
  readonly #lease: RangeLease;
  /** Its number in the range. */
  readonly #number: number;
  #mostTokens = 0;
  #last: Promise<unknown> = Promise.resolve();
  #dropped = false;

  constructor(
    lease: RangeLease,
    public settings: SequenceSettings,
    readonly codecs: CrossingCodecs,
    from?: { readonly sequence: HostedSequence; readonly tokens: number },
  ) {
    this.#lease = lease;
    this.#number = from === undefined ? lease.range.sequence() : lease.range.clone(from.sequence.#number, from.tokens);
    if (from === undefined) return;
    this.held = from.tokens;
    this.text = from.sequence.text.slice(0, from.tokens);
    this.#mostTokens = from.tokens;
  }

  get lease(): RangeLease {
    return this.#lease;
  }

  get number(): number {
    return this.#number;
  }

  /** Memory of keys and values. */
  get cacheBytes(): number {
    return this.cacheBytesOf(this.#mostTokens);
  }

  /** What they would take more with so many tokens. */
  moreCacheBytesWith(tokens: number): number {
    return this.cacheBytesOf(Math.max(this.#mostTokens, tokens)) - this.cacheBytes;
  }

  /** What those of so many tokens take. */
  cacheBytesOf(tokens: number): number {
    return cacheBytes(this.#lease, tokens);
  }

  grow(tokens: number): void {
    this.#mostTokens = Math.max(this.#mostTokens, tokens);
  }

  /** Forgets all but the first tokens. */
  truncate(tokens: number): void {
    this.#lease.range.truncate(this.#number, tokens);
    this.held = Math.min(this.held, tokens);
    this.text.length = Math.min(this.text.length, tokens);
  }

  /** Runs work behind all that came before for this sequence. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    // Who waits behind it does so whether it succeeds or not; whoever asked for it hears why it failed.
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  /** @throws CutpointError CUT_SEQUENCE_LOST after it was dropped */
  requireHeld(tokens: number): void {
    if (!this.#dropped && tokens <= this.held) return;
    throw sequenceLost(this.#dropped ? 'it was dropped' : `${this.held} of ${tokens} tokens are here`);
  }

  [Symbol.dispose](): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#lease.range.drop(this.#number);
    this.#lease[Symbol.dispose]();
  }
}

/** The agent sends all of the text again. */
export function sequenceLost(why: string): CutpointError {
  return new CutpointError('CUT_SEQUENCE_LOST', `The server does not hold the text so far (${why}): send it again.`);
}

function cacheBytes({ range: { config, range }, cache }: RangeLease, tokens: number): number {
  const capacity = Math.ceil(tokens / capacityStepTokens) * capacityStepTokens;
  return 2 * (range.to - range.from) * config.kvHeads * capacity * cachedHeadBytes(cache, config.headSize);
}
