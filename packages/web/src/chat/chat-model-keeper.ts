import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { ChatOffer } from '@cutpoint/llm/browser';
import { ChatSession } from './chat-session.js';
import type { ChatChoice, OpenedChat } from './worker/messages.js';

/** Where the server is. */
export interface ServerAddress {
  /** Of the page's WebSocket. */
  readonly url: string;
  readonly token: string | undefined;
}

export interface KeeperListener {
  opening(choice: ChatChoice): void;
  progress(bytes: number, of: number): void;
  opened(choice: ChatChoice, opened: OpenedChat): void;
  refused(error: CutpointError): void;
}

/** The model that a person has opened: opened again where what computed it has died, closed when the server has another. */
export class ChatModelKeeper {
  readonly #server: ServerAddress;
  readonly #listener: KeeperListener;
  #offer: ChatOffer | undefined;
  #choice: ChatChoice | undefined;
  #session: ChatSession | undefined;
  #opening: Promise<ChatSession> | undefined;

  constructor(server: ServerAddress, listener: KeeperListener) {
    this.#server = server;
    this.#listener = listener;
  }

  /** Whether it is another offer than before: what is open is of no use then, and is closed. */
  offer(offer: ChatOffer): boolean {
    if (JSON.stringify(offer) === JSON.stringify(this.#offer)) return false;
    this.#offer = offer;
    this.close();
    return true;
  }

  /** Opens the model as it was chosen; the listener hears what comes of it. */
  open(choice: ChatChoice): void {
    this.#choice = choice;
    this.#opening = this.#open(choice);
    // The listener has been told.
    this.#opening.catch(() => undefined);
  }

  /** Ends what is open, or being opened; nothing is asked of it any more. */
  close(): void {
    this.#session?.[Symbol.dispose]();
  }

  /** What can be asked now. @throws CutpointError why the model cannot be opened */
  async session(): Promise<ChatSession> {
    const session = await this.#opening;
    if (session?.alive === true) return session;
    if (this.#choice === undefined) throw new CutpointError('CUT_USAGE', 'Open the model first.');
    this.open(this.#choice);
    return await this.session();
  }

  async #open(choice: ChatChoice): Promise<ChatSession> {
    this.close();
    const { opening, progress, opened, refused } = this.#listener;
    const session = new ChatSession(progress);
    this.#session = session;
    opening(choice);
    try {
      opened(choice, await session.open(this.#request(choice)));
      return session;
    } catch (thrown) {
      const error = asCutpointError(thrown, 'CUT_INTERNAL');
      if (this.#session === session) refused(error);
      throw error;
    }
  }

  #request(choice: ChatChoice) {
    if (this.#offer === undefined) throw new CutpointError('CUT_INTERNAL', 'A model was opened before it was offered.');
    const { url, token } = this.#server;
    return { offer: this.#offer, choice, pageUrl: new URL('.', location.href).href, wireUrl: url, token };
  }
}
