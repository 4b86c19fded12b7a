import { type ChatOffer, chatOfferName, chatOfferSchema } from '@cutpoint/llm/browser';
import { element } from '../ui/elements.js';
import type { OpenView, View, ViewContext } from '../ui/view.js';
import { ChatModelKeeper } from './chat-model-keeper.js';
import { ChoiceForm } from './choice-form.js';
import { figuresText, placeText, progressText } from './figures-text.js';
import { keepChoice, readChoice } from './kept-choice.js';
import { Talk } from './talk.js';

/** A conversation with a language model of which the page runs the first layers. */
export const chatView: View = { offer: chatOfferName, open: (context) => new ChatPart(context) };

class ChatPart implements OpenView {
  readonly root: HTMLElement;
  readonly #place = element('p', { className: 'place' });
  readonly #figures = element('p', { className: 'figures' });
  readonly #form = new ChoiceForm(
    (choice) => this.#keeper.open(choice),
    () => this.#keeper.close(),
  );
  readonly #settings = element('details', { open: true }, element('summary', {}, 'What runs here'), this.#form.root);
  readonly #keeper: ChatModelKeeper;
  readonly #talk: Talk;

  constructor({ connection }: ViewContext) {
    this.#place.setAttribute('role', 'status');
    this.#keeper = new ChatModelKeeper(connection.server, {
      opening: (choice) => {
        keepChoice(sessionStorage, choice);
        this.#opening();
      },
      progress: (bytes, of) => this.#say(progressText(bytes, of)),
      opened: (choice, opened) => {
        this.#say([placeText(choice, opened), ...opened.notices].join(' '));
        this.#form.opening = false;
        this.#settings.open = false;
        this.#talk.ready(opened);
      },
      refused: ({ code, message }) => {
        this.#say(`${message} (${code})`, true);
        this.#form.opening = false;
      },
    });
    this.#talk = new Talk(this.#keeper, {
      storage: sessionStorage,
      temperature: () => this.#form.temperature,
      onFigures: (figures) => {
        this.#figures.textContent = figuresText(figures);
      },
    });
    this.root = element(
      'section',
      { className: 'chat' },
      element('h2', {}, 'Chat'),
      this.#settings,
      this.#place,
      this.#talk.root,
      this.#figures,
    );
  }

  offered(part: unknown): void {
    const offer: ChatOffer = chatOfferSchema.parse(part);
    const chosen = readChoice(sessionStorage);
    if (!this.#keeper.offer(offer)) return;
    this.#talk.away();
    this.#form.offer(offer, chosen);
    // What was open before a reload is opened again; nothing is fetched twice.
    if (chosen === undefined) this.#say('Choose how many layers run here, and open the model.');
    else this.#keeper.open(this.#form.choice);
  }

  #opening(): void {
    this.#form.opening = true;
    this.#talk.away();
    this.#say('Opening ...');
  }

  #say(text: string, bad = false): void {
    this.#place.textContent = text;
    this.#place.classList.toggle('bad', bad);
  }
}
