import type { ChatOffer } from '@cutpoint/llm/browser';
import { element } from '../ui/elements.js';
import type { ChatChoice } from './worker/messages.js';

const providers: Readonly<Record<ChatChoice['provider'], string>> = {
  auto: 'WebGPU if it is here, else WebAssembly',
  webgpu: 'WebGPU',
  wasm: 'WebAssembly',
};

/** What a person chooses before a model is opened. */
export class ChoiceForm {
  readonly root: HTMLFormElement;
  readonly #at = element('input', { type: 'number', min: '0', step: '1', required: true, name: 'at' });
  readonly #codec = element('select', { name: 'codec' });
  readonly #provider = element('select', { name: 'provider' });
  readonly #private = element('input', { type: 'checkbox', name: 'private' });
  readonly #temperature = element('input', {
    type: 'number',
    min: '0',
    max: '2',
    step: '0.1',
    value: '0',
    name: 'temperature',
  });
  readonly #button = element('button', { type: 'submit' }, 'Open the model');
  readonly #cancel = element('button', { type: 'button', disabled: true }, 'Cancel');

  constructor(onOpen: (choice: ChatChoice) => void, onCancel: () => void) {
    this.#provider.append(...Object.entries(providers).map(([value, text]) => element('option', { value }, text)));
    this.root = element(
      'form',
      { className: 'choice' },
      element('label', {}, 'Layers that run here', this.#at),
      element('label', {}, 'How what crosses is packed', this.#codec),
      element('label', {}, 'They run on', this.#provider),
      element('label', {}, 'Temperature; at 0 always the likeliest word', this.#temperature),
      element(
        'label',
        { className: 'check' },
        this.#private,
        'Keep the words here: the server sees hidden states alone',
      ),
      element('div', { className: 'buttons' }, this.#button, this.#cancel),
    );
    this.#cancel.addEventListener('click', onCancel);
    this.root.addEventListener('submit', (event) => {
      event.preventDefault();
      onOpen(this.choice);
    });
  }

  get choice(): ChatChoice {
    return {
      at: this.#at.valueAsNumber,
      codec: this.#codec.value,
      provider: this.#provider.value as ChatChoice['provider'],
      private: this.#private.checked,
    };
  }

  /** How freely the next answer is drawn. */
  get temperature(): number {
    return this.#temperature.valueAsNumber || 0;
  }

  /** Fills it with what the server offers, or with what was chosen before where that is still possible. */
  offer({ at, advisedAt, codecs }: ChatOffer, chosen: ChatChoice | undefined): void {
    this.#at.valueAsNumber = at ?? chosen?.at ?? advisedAt;
    this.#at.readOnly = at !== null;
    this.#codec.replaceChildren(...codecs.map((codec) => element('option', { value: codec }, codec)));
    if (chosen === undefined) return;
    if (codecs.includes(chosen.codec)) this.#codec.value = chosen.codec;
    this.#provider.value = chosen.provider;
    this.#private.checked = chosen.private;
  }

  /** Whether a model is being opened: nothing can be chosen then. */
  set opening(opening: boolean) {
    this.#cancel.disabled = !opening;
    for (const field of [this.#at, this.#codec, this.#provider, this.#private, this.#button]) field.disabled = opening;
  }
}
