// The echo servers of `cutpoint bench wire`, each run in a process of its own: one of the two kinds named by the first
// argument. It sends its address to the parent and ends when the parent does.
import { once } from 'node:events';
import net from 'node:net';
import { CutpointError } from '@cutpoint/core';
import { listen } from '@cutpoint/wire';

/** Sends back whatever comes, without looking at it. */
async function bareEcho(): Promise<string> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `tcp://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

/** Answers each request with the tensors it came with. */
async function wireEcho(transport: string): Promise<string> {
  const { url } = await listen({ url: `${transport}://127.0.0.1:0`, handler: async ({ tensors }) => ({ tensors }) });
  return url;
}

if (process.send === undefined) {
  throw new CutpointError('CUT_INTERNAL', 'This script is started by `cutpoint bench wire` only.');
}
process.on('disconnect', () => process.exit(0));
const [kind = ''] = process.argv.slice(2);
process.send({ url: await (kind === 'bare' ? bareEcho() : wireEcho(kind)) });
