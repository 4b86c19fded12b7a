/** One end of a WebSocket that carries texts, whoever made it: the browser, or a package of Node's. */
export interface PageSocket {
  send(text: string): void;
  close(): void;
  /** Bytes that were sent here and wait for the network. */
  readonly waitingBytes: number;
}

/** What happens at a socket. */
export interface PageSocketEvents {
  onText(text: string): void;
  /** The connection is gone, or never came about; called exactly once. */
  onClose(): void;
}
