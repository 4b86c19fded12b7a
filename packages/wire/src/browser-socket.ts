/** What is used of a browser's own WebSocket. */
export interface BrowserSocket {
  binaryType: string;
  readonly readyState: number;
  /** Bytes that were given to `send` and are not on the network yet. */
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  send(bytes: Uint8Array): void;
  close(code?: number): void;
}

/** The `WebSocket` of the page, or of a worker. */
export function browserSocket(url: string): BrowserSocket {
  const { WebSocket: Socket } = globalThis as unknown as { readonly WebSocket: new (url: string) => BrowserSocket };
  const socket = new Socket(url);
  socket.binaryType = 'arraybuffer';
  return socket;
}
