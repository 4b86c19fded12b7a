import { CutpointError } from '@cutpoint/core';

const mostCharacters = 2 ** 22;

/**
 * The data of server-sent events of one line each, up to `[DONE]`.
 * @throws CutpointError CUT_HTTP for an event that is too long, CUT_CONNECTION_LOST where the stream ends before it is done.
 */
export async function* eventData(stream: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const text of stream) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (rest.length > mostCharacters) throw new CutpointError('CUT_HTTP', 'The server sends an event without end.');
    for (const line of lines) {
      if (!line.startsWith('data:')) continue;
      const data = line.slice('data:'.length).trim();
      if (data === '[DONE]') return;
      yield data;
    }
  }
  throw new CutpointError('CUT_CONNECTION_LOST', 'The answer of the server ended in the middle: ask again.');
}
