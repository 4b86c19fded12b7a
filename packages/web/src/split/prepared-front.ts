import type { Peer } from '@cutpoint/wire/browser';
import { fetchContent } from '../files/fetch-content.js';
import { FrontRunner } from './front-runner.js';
import { readSegment } from './model-offer.js';
import type { Provider } from './provider.js';

/** Which front segment, and what runs it. */
export interface FrontChoice {
  readonly modelHash: string;
  readonly at: readonly number[];
  readonly provider: Provider;
}

export interface PrepareOptions {
  readonly peer: Peer;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  /** Hears how much of the segment is there, of how much. */
  readonly onBytes: (bytes: number, total: number) => void;
  /** It is all there, and is opened now. */
  readonly onOpening: () => void;
}

const deadlineMs = 60_000;

/** The front segment that the page ran last, kept until another is chosen, or it has died. */
export class PreparedFront implements Disposable {
  #key = '';
  #runner: FrontRunner | undefined;

  /**
   * The chosen front segment, loaded: fetched if the browser has not kept it.
   * @throws CutpointError what the server answers, and what fetching and loading throw
   */
  async take(choice: FrontChoice, { peer, token, signal, onBytes, onOpening }: PrepareOptions): Promise<FrontRunner> {
    const key = JSON.stringify([choice.modelHash, choice.at, choice.provider]);
    if (this.#runner?.alive === true && this.#key === key) return this.#runner;
    this[Symbol.dispose]();
    const { meta } = await peer.request({ method: 'segment', meta: { at: [...choice.at] } }, { deadlineMs, signal });
    const segment = readSegment(meta);
    const { model } = segment;
    const file =
      model && (await fetchContent(model, { token, signal, onBytes: (bytes) => onBytes(bytes, model.bytes) }));
    onOpening();
    const runner = await FrontRunner.load(file, segment, choice.provider, signal);
    this.#runner = runner;
    this.#key = key;
    return runner;
  }

  [Symbol.dispose](): void {
    this.#runner?.[Symbol.dispose]();
    this.#runner = undefined;
  }
}
