import { asCutpointError } from '@cutpoint/core';
import { type ChatMessage, type Sampling, samplingOf } from '@cutpoint/llm/browser';
import { element } from '../ui/elements.js';
import type { ChatModelKeeper } from './chat-model-keeper.js';
import { keepConversation, readConversation, type Turn } from './conversation.js';
import { Transcript } from './transcript.js';
import type { AnswerFigures, OpenedChat } from './worker/messages.js';

export interface TalkOptions {
  readonly storage: Storage;
  readonly temperature: () => number;
  readonly onFigures: (figures: AnswerFigures) => void;
}

const left = 'The page was left while this was written.';
const stopped = 'Stopped.';
const full = 'The model has no room for more.';

/** A conversation and what is written into it. */
export class Talk {
  readonly root: HTMLElement;
  readonly #keeper: ChatModelKeeper;
  readonly #options: TalkOptions;
  readonly #transcript = new Transcript();
  readonly #text = element('textarea', { rows: 2, ariaLabel: 'Your message', required: true });
  readonly #send = element('button', { type: 'submit', disabled: true }, 'Send');
  readonly #stop = element('button', { type: 'button', disabled: true }, 'Stop');
  readonly #anew = element('button', { type: 'button' }, 'New conversation');
  #turns: readonly Turn[];
  #talks = true;
  #answering: AbortController | undefined;

  constructor(keeper: ChatModelKeeper, options: TalkOptions) {
    this.#keeper = keeper;
    this.#options = options;
    this.#turns = readConversation(options.storage);
    this.#transcript.show(this.#turns);
    const buttons = element('div', { className: 'buttons' }, this.#send, this.#stop, this.#anew);
    const form = element('form', { className: 'ask' }, this.#text, buttons);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#ask();
    });
    this.#text.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit(this.#send);
    });
    this.root = element('div', {}, this.#transcript.root, form);
    this.root.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#answering?.abort());
    this.#stop.addEventListener('click', () => this.#answering?.abort());
    addEventListener('pagehide', () => this.#leave());
    this.#anew.addEventListener('click', () => this.#forget());
  }

  /** The model can be asked. */
  ready({ talks }: OpenedChat): void {
    this.#talks = talks;
    this.#send.textContent = talks ? 'Send' : 'Continue the text';
    this.#send.disabled = this.#answering !== undefined;
  }

  /** It cannot be asked now. */
  away(): void {
    this.#send.disabled = true;
  }

  async #ask(): Promise<void> {
    const content = this.#text.value;
    if (this.#send.disabled || content === '') return;
    this.#text.value = '';
    this.#add({ role: 'user', content });
    const messages = this.#messages();
    this.#add({ role: 'assistant', content: '' });
    const answering = new AbortController();
    this.#answering = answering;
    this.#busy(true);
    let ending: string | undefined;
    try {
      ending = await this.#answer(messages, answering.signal);
    } catch (thrown) {
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      ending = `${message} (${code})`;
    }
    this.#answering = undefined;
    this.#grow('', ending);
    keepConversation(this.#options.storage, this.#turns);
    this.#busy(false);
  }

  /** Why the answer is not whole; undefined if it is. */
  async #answer(messages: readonly ChatMessage[], signal: AbortSignal): Promise<string | undefined> {
    const session = await this.#keeper.session();
    const part = (text: string, figures: AnswerFigures) => {
      this.#grow(text);
      this.#options.onFigures(figures);
    };
    const reason = await session.ask(messages, this.#sampling(), { part }, signal);
    if (reason === 'stop') return undefined;
    return reason === 'stopped' ? stopped : full;
  }

  /** What the model is asked: answers that came to nothing are left out. A text that is continued is one message. */
  #messages(): ChatMessage[] {
    const turns = this.#turns.filter(({ content }) => content !== '');
    if (this.#talks) return turns.map(({ role, content }) => ({ role, content }));
    return [{ role: 'user', content: turns.map(({ content }) => content).join('') }];
  }

  #sampling(): Sampling {
    const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
    return samplingOf({ temperature: this.#options.temperature(), seed });
  }

  #forget(): void {
    this.#answering?.abort();
    this.#turns = [];
    keepConversation(this.#options.storage, this.#turns);
    this.#transcript.show(this.#turns);
    this.#text.focus();
  }

  #add(turn: Turn): void {
    this.#turns = [...this.#turns, turn];
    keepConversation(this.#options.storage, this.#turns);
    this.#transcript.add(turn);
  }

  /** More of the last answer, and why it ends, if it does so before its end. */
  #grow(text: string, broken?: string): void {
    const content = (this.#turns.at(-1)?.content ?? '') + text;
    const turn: Turn = { role: 'assistant', content, ...(broken === undefined ? {} : { broken }) };
    this.#turns = [...this.#turns.slice(0, -1), turn];
    this.#transcript.grow(turn);
  }

  /** The page goes: what is there of an answer stays. */
  #leave(): void {
    if (this.#answering === undefined) return;
    this.#grow('', left);
    keepConversation(this.#options.storage, this.#turns);
  }

  #busy(busy: boolean): void {
    this.#send.disabled = busy;
    this.#stop.disabled = !busy;
    this.#anew.disabled = busy;
    this.#transcript.busy = busy;
    if (!busy) this.#text.focus();
  }
}
