import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { EventStream } from './event-stream.js';

describe('a stream of events', () => {
  it('waits for its reader, and ends the connection of one that takes nothing for long', async () => {
    const flood = async (response: ServerResponse) => {
      const events = new EventStream(response, 200);
      let count = 0;
      for (; !response.destroyed; count++) await events.send({ text: 'x'.repeat(100_000) });
      return count;
    };
    let sent: Promise<number> | undefined;
    const server = createServer((_request, response) => {
      sent = flood(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const reader = connect(port, '127.0.0.1').pause();
    reader.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    await expect.poll(() => sent).toBeDefined();
    // What the system buffers is some megabytes; what waits for room in it is not made.
    expect(await sent).toBeLessThan(1_000);
    reader.destroy();
    server.close();
  });
});
