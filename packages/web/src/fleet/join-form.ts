import { element } from '../ui/elements.js';

export interface JoinWishes {
  readonly name: string;
  readonly code: string | undefined;
}

/** Asks what this browser shall be called, and for a pairing code where it needs one. */
export class JoinForm {
  readonly root: HTMLFormElement;
  readonly #name = element('input', { name: 'device', maxLength: 63, autocomplete: 'off', placeholder: 'anna-phone' });
  readonly #code = element('input', {
    name: 'code',
    maxLength: 20,
    autocomplete: 'off',
    placeholder: '7K3M-Q2XN-P8VD',
  });
  readonly #codeLabel: HTMLLabelElement;

  constructor(onJoin: (wishes: JoinWishes) => void) {
    this.#codeLabel = element('label', {}, 'Pairing code, of cutpoint pair --new at the server', this.#code);
    const name = element('label', {}, 'Name of this device', this.#name);
    this.root = element('form', {}, name, this.#codeLabel, element('button', { textContent: 'Join' }));
    this.#code.value = codeOfLink();
    this.root.onsubmit = (event) => {
      event.preventDefault();
      const code = this.#code.value.trim();
      onJoin({ name: this.#name.value.trim(), code: this.needsCode && code !== '' ? code : undefined });
      this.#code.value = '';
    };
  }

  get needsCode(): boolean {
    return !this.#codeLabel.hidden;
  }

  set needsCode(needed: boolean) {
    this.#codeLabel.hidden = !needed;
    this.#code.required = needed;
  }
}

/** The code of the link that the page was opened by (`#code=...`), which a browser sends nowhere; it is taken out of the address. */
function codeOfLink(): string {
  const code = new URLSearchParams(location.hash.slice(1)).get('code') ?? '';
  if (code !== '') history.replaceState(null, '', location.pathname + location.search);
  return code;
}
