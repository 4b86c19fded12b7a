import { randomBytes } from 'node:crypto';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { type Introduction, introduction, maxPageTextBytes } from './page-messages.js';
import type { PageSocket, PageSocketEvents } from './page-socket.js';

/** Refused for good: trying again would bring the same. */
const finalCodes: ReadonlySet<string> = new Set([
  'CUT_PAIRING',
  'CUT_USAGE',
  'CUT_UNPAIRED',
  'CUT_CERTIFICATE',
  'CUT_REVOKED',
  'CUT_FORBIDDEN',
  'CUT_WIRE_MALFORMED',
  'CUT_WIRE_TOO_LARGE',
]);

export interface PageVisitOptions {
  readonly greet: (visit: PageVisit) => void;
  /** Gives what takes all that comes after the introduction. */
  readonly onIntroduced: (visit: PageVisit, said: Introduction) => Promise<(text: string) => void>;
  readonly onEnded: (visit: PageVisit) => void;
  readonly onProblem: (error: CutpointError) => void;
  readonly introductionMs: number;
}

/** One connection of a page, from its start to its end. */
export class PageVisit implements PageSocketEvents {
  readonly socket: PageSocket;
  readonly from: string;
  readonly nonce = randomBytes(32).toString('hex');
  readonly onProblem: (error: CutpointError) => void;
  readonly #options: PageVisitOptions;
  #timer: NodeJS.Timeout | undefined;
  #hasIntroduced = false;
  #take: ((text: string) => void) | undefined;
  #ended = false;

  constructor(socket: PageSocket, from: string, options: PageVisitOptions) {
    this.socket = socket;
    this.from = from;
    this.#options = options;
    this.onProblem = options.onProblem;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether it has not said yet who it is, not even wrongly. */
  get silent(): boolean {
    return !this.#hasIntroduced;
  }

  begin(): void {
    const late = new CutpointError('CUT_DEADLINE', 'The page did not say in time who it is.');
    this.#timer = setTimeout(() => this.refuse(late), this.#options.introductionMs);
    this.#options.greet(this);
  }

  say(message: object): void {
    if (!this.#ended) this.socket.send(JSON.stringify(message));
  }

  /** Tells the page why and ends its connection. */
  refuse(error: CutpointError, { final = finalCodes.has(error.code) } = {}): void {
    const { code } = error;
    const message = code === 'CUT_INTERNAL' ? 'The server failed; its log says more.' : error.message;
    this.say({ type: 'refused', code, message: message.slice(0, 2000), final });
    if (!this.#ended) this.onProblem(error);
    this.#end();
  }

  onText(text: string): void {
    if (this.#ended) return;
    try {
      if (text.length > maxPageTextBytes)
        throw new CutpointError('CUT_WIRE_TOO_LARGE', 'The page says too much at once.');
      if (this.#take !== undefined) this.#take(text);
      else this.#introduce(text);
    } catch (thrown) {
      this.refuse(asCutpointError(thrown, 'CUT_INTERNAL'));
    }
  }

  onClose(): void {
    this.#end();
  }

  #introduce(text: string): void {
    if (this.#hasIntroduced)
      throw new CutpointError('CUT_WIRE_MALFORMED', 'The page talks before it was let in: load it again.');
    this.#hasIntroduced = true;
    this.#options.onIntroduced(this, parseIntroduction(text)).then(
      (take) => {
        clearTimeout(this.#timer);
        this.#take = take;
      },
      (thrown: unknown) => this.refuse(asCutpointError(thrown, 'CUT_INTERNAL')),
    );
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.socket.close();
    this.#options.onEnded(this);
  }
}

function parseIntroduction(text: string): Introduction {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Told below.
  }
  const { data } = introduction.safeParse(json);
  if (data !== undefined) return data;
  throw new CutpointError(
    'CUT_WIRE_MALFORMED',
    'The page does not say who it is as this version expects: load it again.',
  );
}
