import { asCutpointError, CutpointError, type ErrorCode } from '@cutpoint/core';
import { element } from '../ui/elements.js';
import type { OpenView, View, ViewContext } from '../ui/view.js';
import { answerLines } from './answer-text.js';
import { Choices } from './choices.js';
import type { FrontRunner } from './front-runner.js';
import { groundOf, inputKindOf, inputsOf } from './model-input.js';
import { type ModelOffer, readOffer } from './model-offer.js';
import { NextOffer } from './next-offer.js';
import { outliveGpu } from './outlive-gpu.js';
import { PictureInput } from './picture-input.js';
import { type FrontChoice, PreparedFront } from './prepared-front.js';
import { hasWebGpu, noWebGpu, type Provider } from './provider.js';
import { answerList, bytes, figures } from './result-view.js';
import { type Reach, runSplit, type SplitResult } from './split-run.js';

/** Runs the front of a model in the page, and the rest at the server. */
export const splitView: View = { offer: 'model', open: (context) => new SplitView(context) };

class SplitView implements OpenView {
  readonly #context: ViewContext;
  readonly #title = element('h2');
  readonly #choices = new Choices();
  readonly #picture = new PictureInput(
    () => this.#forget(),
    (error) => this.#fail(error),
  );
  readonly #run = element('button', { type: 'submit', disabled: true }, 'Run');
  readonly #stop = element('button', { type: 'button', disabled: true }, 'Stop');
  readonly #status = element('p', { className: 'status', role: 'status' });
  readonly #result = element('div', { className: 'result' });
  readonly #front = new PreparedFront();
  readonly #nextOffer = new NextOffer();
  readonly root: HTMLElement;
  #offer: ModelOffer | undefined;
  #running: AbortController | undefined;
  /** Of the error that is shown. */
  #failure: ErrorCode | undefined;

  constructor(context: ViewContext) {
    this.#context = context;
    const form = element('form', {}, this.#choices.root, this.#picture.root, this.#run, this.#stop);
    form.onsubmit = (event) => {
      event.preventDefault();
      void this.#start();
    };
    this.#stop.onclick = () => this.#running?.abort(new CutpointError('CUT_CANCELLED', 'Stopped.'));
    this.root = element('section', { className: 'split' }, this.#title, form, this.#status, this.#result);
    void this.#offerProviders();
  }

  offered(part: unknown): void {
    const offer = readOffer(part);
    const before = this.#offer;
    this.#offer = offer;
    this.#title.textContent = offer.name;
    this.#picture.root.hidden = inputKindOf(offer) === 'noise';
    this.#choices.offer(offer);
    if (before !== undefined && before.modelHash !== offer.modelHash) {
      this.#front[Symbol.dispose]();
      this.#result.replaceChildren();
      const message = `The server has another model now: ${offer.name}.`;
      this.#running?.abort(new CutpointError('CUT_MODEL_MISMATCH', `${message} Run again.`));
      this.#say(message);
    } else if (before === undefined && inputKindOf(offer) === 'noise') {
      this.#say('Nothing says how this model takes pictures: it runs on random numbers, for its times alone.');
    }
    // It came over a connection.
    if (this.#failure === 'CUT_CONNECTION_LOST') this.#say('');
    this.#nextOffer.came();
  }

  /** What was said of the picture before is not true of the next. */
  #forget(): void {
    this.#result.replaceChildren();
    this.#say('');
  }

  /** Without WebGPU WebAssembly does it, and the page says so. */
  async #offerProviders(): Promise<void> {
    const onGpu = await hasWebGpu().catch(() => false);
    this.#choices.offerProviders(onGpu ? ['wasm', 'webgpu'] : ['wasm']);
    this.#run.disabled = false;
    if (!onGpu) this.#choices.say(noWebGpu);
  }

  async #start(): Promise<void> {
    const offer = this.#offer;
    if (offer === undefined || this.#running !== undefined) return;
    const running = new AbortController();
    this.#running = running;
    this.#setBusy(true);
    try {
      const result = await this.#request(offer, running.signal);
      const [name = ''] = offer.outputs;
      const output = result.outputs.get(name);
      this.#result.replaceChildren(...(output ? [answerList(answerLines(offer, output))] : []), figures(result));
      this.#say('Done.');
    } catch (thrown) {
      await this.#failRun(running.signal.aborted ? running.signal.reason : thrown);
    } finally {
      this.#running = undefined;
      this.#setBusy(false);
    }
  }

  async #request(offer: ModelOffer, signal: AbortSignal): Promise<SplitResult> {
    const { at, codec, provider } = this.#choices.chosen;
    const inputs = inputsOf(offer, await this.#picture.picture(groundOf(offer)));
    const run = async (on: Provider) => {
      const front = await this.#load({ modelHash: offer.modelHash, at, provider: on }, signal);
      this.#say('Running ...');
      return await runSplit(front, this.#reach(), { offer, at, codec, inputs }, signal);
    };
    return await outliveGpu(provider, run, (next) => {
      if (next === 'wasm') this.#choices.useWebAssembly('The GPU was lost twice: WebAssembly is used.');
      else this.#choices.say('The GPU was lost: the front segment ran on it anew.');
    });
  }

  async #load(choice: FrontChoice, signal: AbortSignal): Promise<FrontRunner> {
    const { connection, token } = this.#context;
    this.#say('Asking for the front segment ...');
    return await this.#front.take(choice, {
      peer: connection.peer(),
      token,
      signal,
      onBytes: (there, total) => this.#say(`Fetching the front segment: ${bytes(there)} of ${bytes(total)}`),
      onOpening: () => this.#say('Opening the front segment ...'),
    });
  }

  #reach(): Reach {
    return {
      peer: () => this.#context.connection.peer(),
      again: async (lost, signal) => {
        this.#say('The connection was lost: waiting for the next one ...');
        await this.#nextOffer.wait(lost, signal);
        this.#say('Running again at the server ...');
      },
    };
  }

  /** Where the server no longer has what was asked for, it is asked what it has. */
  async #failRun(thrown: unknown): Promise<void> {
    const error = asCutpointError(thrown, 'CUT_INTERNAL');
    this.#fail(error);
    if (error.code !== 'CUT_MODEL_MISMATCH' && error.code !== 'CUT_ILLEGAL_CUT') return;
    try {
      await this.#context.askOffer();
      this.#fail(new CutpointError(error.code, `${error.message} What it offers was asked for again: run again.`));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #setBusy(busy: boolean): void {
    this.root.ariaBusy = String(busy);
    this.#run.disabled = busy;
    this.#stop.disabled = !busy;
    this.#picture.disabled = busy;
  }

  #say(text: string): void {
    this.#failure = undefined;
    this.#status.classList.remove('bad');
    this.#status.textContent = text;
  }

  #fail(thrown: unknown): void {
    const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
    this.#failure = code;
    this.#status.classList.add('bad');
    this.#status.textContent = `${message} (${code})`;
  }
}
