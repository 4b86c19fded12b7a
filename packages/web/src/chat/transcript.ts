import { element } from '../ui/elements.js';
import type { Turn } from './conversation.js';

/** The turns of a conversation as they are read; those that use a screen reader hear an answer when it is whole. */
export class Transcript {
  readonly root = element('ol', { className: 'transcript', ariaLive: 'polite', ariaLabel: 'Conversation' });

  constructor() {
    this.root.setAttribute('role', 'log');
    this.root.tabIndex = 0;
  }

  show(turns: readonly Turn[]): void {
    this.root.replaceChildren(...turns.map(itemOf));
    this.#scroll();
  }

  add(turn: Turn): void {
    this.root.append(itemOf(turn));
    this.#scroll();
  }

  /** An answer is being written: it is read out when it is whole. */
  set busy(busy: boolean) {
    this.root.ariaBusy = String(busy);
  }

  /** Replaces the last turn. */
  grow(turn: Turn): void {
    const item = itemOf(turn);
    if (this.root.lastElementChild === null) this.root.append(item);
    else this.root.lastElementChild.replaceWith(item);
    this.#scroll();
  }

  #scroll(): void {
    this.root.scrollTop = this.root.scrollHeight;
  }
}

function itemOf({ role, content, broken }: Turn): HTMLLIElement {
  const who = element('span', { className: 'who' }, role === 'user' ? 'You' : 'Model');
  const item = element('li', { className: role }, who, element('p', {}, content));
  if (broken !== undefined) item.append(element('p', { className: 'broken' }, broken));
  return item;
}
