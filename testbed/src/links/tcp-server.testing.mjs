// A bare TCP server for tests of links, run as `node tcp-server.testing.mjs HOST PORT`; it prints its port. A request is
// the number of bytes that follow and the number of bytes wanted back, as two u32.
import { createServer } from 'node:net';

const [host, port] = process.argv.slice(2);

const server = createServer({ noDelay: true }, (socket) => {
  let head = Buffer.alloc(0);
  let left = -1;
  let reply = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    if (left < 0) {
      head = Buffer.concat([head, bytes]);
      if (head.length < 8) return;
      left = head.readUInt32LE(0) - (head.length - 8);
      reply = head.readUInt32LE(4);
      head = Buffer.alloc(0);
    } else left -= bytes.length;
    if (left > 0) return;
    left = -1;
    socket.write(Buffer.alloc(reply));
  });
});
server.listen(Number(port), host, () => process.stdout.write(`${server.address().port}\n`));
process.stdin.on('end', () => process.exit()).resume();
