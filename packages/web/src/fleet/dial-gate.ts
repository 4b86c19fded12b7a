import { type PageSocket, type PageSocketEvents, pagePath } from '@cutpoint/control/browser';

/** Opens the browser's WebSocket to the server's gate for pages. */
export function dialGate({ onText, onClose }: PageSocketEvents): PageSocket {
  const socket = new WebSocket(new URL(pagePath, location.href.replace(/^http/, 'ws')));
  socket.onmessage = ({ data }) => onText(String(data));
  socket.onclose = () => onClose();
  return {
    send(text) {
      // What is said before it is open, or after it is closed, is said anew later.
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: () => socket.close(),
    get waitingBytes() {
      return socket.bufferedAmount;
    },
  };
}
