import { once } from 'node:events';
import { connect } from 'node:net';

/** Everything that the server answers to these bytes until it ends the connection, and after how long, in ms. */
export async function rawHttp(
  url: string,
  text: string,
  { longestMs = 10_000 }: { longestMs?: number } = {},
): Promise<{ answer: string; endedAfterMs: number }> {
  const { hostname, port } = new URL(url);
  const startedAtMs = performance.now();
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (part) => {
    answer += part;
  });
  // A connection that is reset has ended, too.
  socket.on('error', () => undefined);
  socket.write(text);
  await once(socket, 'close', { signal: AbortSignal.timeout(longestMs) });
  return { answer, endedAfterMs: performance.now() - startedAtMs };
}

export async function rawStatus(url: string, text: string): Promise<number> {
  const { answer } = await rawHttp(url, text);
  return Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]);
}
