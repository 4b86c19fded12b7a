import { networkInterfaces } from 'node:os';
import { type Interfaces, ownAddresses } from './own-network.js';

export interface WatchNetworkOptions {
  /** How often to look, in ms. */
  readonly everyMs?: number;
  readonly read?: () => Interfaces;
}

/**
 * Calls `onChange` whenever this machine has other addresses than before, as after DHCP, until disposed. Node tells of no
 * such change, so the addresses are read again and again (some 50 µs each time).
 */
export function watchNetwork(
  onChange: () => void,
  { everyMs = 2_000, read = networkInterfaces }: WatchNetworkOptions = {},
): Disposable {
  const look = () => ownAddresses(read()).join();
  let known = look();
  const timer = setInterval(() => {
    const now = look();
    if (now === known) return;
    known = now;
    onChange();
  }, everyMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
