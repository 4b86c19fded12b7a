import type { Connection } from './connection.js';

/** What the server offers to pages, as its answer to `offer` says: each view looks for its own part. */
export type Offer = Readonly<Record<string, unknown>>;

/** A part of the page, such as pictures or a chat. */
export interface View {
  /** What it is called among the offers; it is shown while the server offers it. */
  readonly offer: string;
  /** Builds it. Called once, when it is first offered. */
  open(context: ViewContext): OpenView;
}

export interface ViewContext {
  readonly connection: Connection;
  /** What HTTP requests to the server need; undefined where it wants none. */
  readonly token: string | undefined;
  /** Asks the server again what it offers, and tells the views. @throws CutpointError CUT_CONNECTION_LOST, CUT_DEADLINE */
  askOffer(): Promise<void>;
}

/** A view that is shown. */
export interface OpenView {
  readonly root: HTMLElement;
  /** The server offers this, at each new connection: it may be another model than before. */
  offered(part: unknown): void;
}
