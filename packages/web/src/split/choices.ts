import { element } from '../ui/elements.js';
import type { ModelOffer } from './model-offer.js';
import type { Provider } from './provider.js';
import { bytes } from './result-view.js';

/** What a person has chosen. */
export interface Chosen {
  readonly at: readonly number[];
  readonly codec: string;
  readonly provider: Provider;
}

/** The lists of cuts, codecs and providers to choose from. */
export class Choices {
  readonly root = element('div', { className: 'choices' });
  readonly #cut = element('select');
  readonly #codec = element('select');
  readonly #provider = element('select');
  readonly #note = element('p', { className: 'note' });

  constructor() {
    this.root.append(
      element('label', {}, 'Cut', this.#cut),
      element('label', {}, 'Codec', this.#codec),
      element('label', {}, 'Runs on', this.#provider),
      this.#note,
    );
  }

  get chosen(): Chosen {
    const at = JSON.parse(this.#cut.value) as number[];
    return { at, codec: this.#codec.value, provider: this.#provider.value as Provider };
  }

  /** Keeps what was chosen where it is still there. */
  offer({ choices, codecs }: ModelOffer): void {
    const [first, second] = choices;
    // Without a word of the person's, something runs here.
    const standard = (choices[Math.floor(choices.length / 2)] ?? second ?? first)?.at ?? [];
    const cuts = choices.map(
      ({ at, name, bytes: size }) => [JSON.stringify(at), `${at.join(', ')}: ${name} (${bytes(size)})`] as const,
    );
    fill(this.#cut, cuts, JSON.stringify(standard));
    fill(
      this.#codec,
      codecs.map((codec) => [codec, codec] as const),
      codecs.at(-1) ?? 'raw',
    );
  }

  /** What there is to know about the providers. */
  say(note: string): void {
    this.#note.textContent = note;
  }

  /** It goes on without WebGPU, and says why. */
  useWebAssembly(why: string): void {
    this.#provider.value = 'wasm' satisfies Provider;
    this.say(why);
  }

  /** The first is the standard. */
  offerProviders(providers: readonly Provider[]): void {
    const names = { webgpu: 'WebGPU', wasm: 'WebAssembly' } as const;
    fill(
      this.#provider,
      providers.map((provider) => [provider, names[provider]] as const),
      providers[0] ?? 'wasm',
    );
  }
}

function fill(
  list: HTMLSelectElement,
  options: readonly (readonly [value: string, text: string])[],
  standard: string,
): void {
  const before = list.value;
  list.replaceChildren(...options.map(([value, text]) => element('option', { value }, text)));
  list.value = options.some(([value]) => value === before) ? before : standard;
}
