import type { Connection, ConnectionState } from './connection.js';

/** Says in a line how the connection is. */
export function showConnection(connection: Connection, line: HTMLElement): void {
  connection.watch((state) => {
    line.dataset.state = state.kind;
    line.textContent = textOf(state);
  });
}

function textOf(state: ConnectionState): string {
  switch (state.kind) {
    case 'connecting':
      return 'Connecting ...';
    case 'open':
      return `Connected to ${state.peer.remote.name}`;
    case 'waiting':
      return `No connection; trying again in ${(state.retryInMs / 1000).toFixed(1)} s. ${state.error.message}`;
    case 'refused':
      return `${state.error.message} (${state.error.code})`;
  }
}
