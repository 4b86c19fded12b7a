import { maxBytesOf, type Peers } from '../messages.js';

/** What a list of one device takes beside its addresses: names of fields, brackets, commas. */
const entryBytes = 40;

/**
 * Leaves out addresses, the worst first, until the message is as short as its channel demands: who sends a longer one is cut
 * off by the broker. Each device has an equal share, so that none announces others away.
 */
export function fitPeers({ devices, content }: Peers): Peers {
  const ids = devices.reduce((sum, { device }) => sum + bytesOf(device) + entryBytes, 0);
  const left = maxBytesOf.peers - bytesOf({ devices: [], content }) - ids;
  const share = left / Math.max(1, devices.length);
  return {
    devices: devices.map(({ device, addresses }) => ({ device, addresses: firstOf(addresses, share) })),
    content,
  };
}

function firstOf(addresses: readonly string[], bytes: number): string[] {
  const first: string[] = [];
  let left = bytes;
  for (const address of addresses) {
    left -= bytesOf(address) + 1;
    if (left < 0) break;
    first.push(address);
  }
  return first;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
