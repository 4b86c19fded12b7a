import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type FuzzKind, refusalOf } from '../../../core/src/fuzzing.testing.js';
import { joined, pick, pieces, type Random } from '../../../core/src/mutating.testing.js';
import { GuardedStream } from '../broker/guarded-stream.js';
import { defaultBrokerLimits } from '../broker/limits.js';
import { PacketMeter } from '../broker/packet-meter.js';
import { attackers, changedPacket, connectPacket, walkPackets } from './packets.testing.js';

const limits = { ...defaultBrokerLimits, maxConnectBytes: 300, maxPacketBytes: 2_000, packetsPerSecond: 1e9 };
const refusals = ['CUT_WIRE_MALFORMED', 'CUT_WIRE_TOO_LARGE'];

/** What stands between a socket and the MQTT of the broker. */
export const streamKinds: readonly FuzzKind[] = [
  { name: 'packets', weight: 8, open: () => ({ attempt: meter, async [Symbol.asyncDispose]() {} }) },
  { name: 'guarded', weight: 3, open: () => ({ attempt: guard, async [Symbol.asyncDispose]() {} }) },
];

function changedStream(random: Random): Uint8Array {
  const device = pick(attackers, random);
  const list = Array.from({ length: 1 + random(3) }, () => changedPacket(device, random));
  return joined(...(random(4) === 0 ? [] : [connectPacket(device)]), ...list);
}

/** The meter counts what is there, however it is cut, and lets no packet begin that is too long. */
function meter(random: Random): string {
  const stream = changedStream(random);
  const metered = new PacketMeter();
  let packets = 0;
  try {
    for (const chunk of pieces(stream, random)) packets += metered.take(chunk, limits.maxPacketBytes);
  } catch (thrown) {
    return refusalOf(thrown, refusals);
  }
  const walked = walkPackets(stream);
  if (walked === undefined) throw new Error('what is no packet was taken');
  const begun = walked.missing > 0 ? 1 : 0;
  if (packets !== walked.whole + begun) throw new Error(`${packets} were counted, not ${walked.whole} + ${begun}`);
  return 'taken';
}

/** A socket without a network. */
class TestSocket extends Duplex {
  setNoDelay(): void {}
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
}

/** What comes out is what went in, up to where it was refused; a stream that ends lets go of everything. */
async function guard(random: Random): Promise<string> {
  const socket = new TestSocket();
  const queued = { inAll: 0 };
  const stream = new GuardedStream(socket as unknown as Socket, limits, queued);
  const bytes = changedStream(random);
  const out: Buffer[] = [];
  let refusal: unknown;
  stream.on('data', (chunk: Buffer) => out.push(chunk));
  stream.on('error', (error) => {
    refusal = error;
  });
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  if (random(2) === 0) stream.letIn({ slowed: random(2) === 0 });
  stream.write(Buffer.alloc(random(100)));
  for (const chunk of pieces(bytes, random)) socket.push(chunk);
  socket.push(null);
  await new Promise((resolve) => setImmediate(resolve));
  stream.destroy();
  await closed;
  if (!socket.destroyed || queued.inAll !== 0) throw new Error(`${queued.inAll} bytes still count as queued`);
  const taken = Buffer.concat(out);
  if (!taken.equals(bytes.subarray(0, taken.length))) throw new Error('something else came out than went in');
  if (refusal !== undefined) return refusalOf(refusal, refusals);
  if (taken.length !== bytes.length) throw new Error(`${taken.length} of ${bytes.length} bytes came out`);
  return 'taken';
}
