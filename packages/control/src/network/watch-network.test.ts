import type { NetworkInterfaceInfo } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Interfaces, networksOf, ownAddresses } from './own-network.js';
import { watchNetwork } from './watch-network.js';

const at = (address: string, internal = false) =>
  ({ family: address.includes(':') ? 'IPv6' : 'IPv4', address, internal }) as NetworkInterfaceInfo;
const lo = [at('127.0.0.1', true), at('::1', true)];

describe('the addresses of a machine', () => {
  it('are those that mean something elsewhere, with makeshift ones last', () => {
    const interfaces = { lo, eth0: [at('fe80::1'), at('169.254.3.4'), at('fd00::7')], wlan0: [at('192.168.1.7')] };
    expect(ownAddresses(interfaces)).toEqual(['127.0.0.1', '192.168.1.7', '::1', 'fd00::7', '169.254.3.4']);
  });

  it('stand for the networks that it is on', () => {
    const interfaces = { lo, eth0: [at('fd00::7'), at('10.0.0.1'), at('10.0.0.2')], wlan0: [at('192.168.1.7')] };
    expect(networksOf(interfaces)).toEqual([
      { name: 'eth0', address: '10.0.0.1' },
      { name: 'wlan0', address: '192.168.1.7' },
    ]);
    expect(networksOf({ lo })).toEqual([]);
  });
});

describe('a network that is watched', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('tells of each change once, until it is disposed', () => {
    let interfaces: Interfaces = { lo };
    let changes = 0;
    const watching = watchNetwork(() => changes++, { everyMs: 100, read: () => interfaces });
    vi.advanceTimersByTime(500);
    expect(changes).toBe(0);
    interfaces = { lo, eth0: [at('192.168.1.7')] };
    vi.advanceTimersByTime(500);
    expect(changes).toBe(1);
    interfaces = { lo };
    vi.advanceTimersByTime(100);
    expect(changes).toBe(2);
    watching[Symbol.dispose]();
    interfaces = { lo, eth0: [at('192.168.1.8')] };
    vi.advanceTimersByTime(500);
    expect(changes).toBe(2);
  });
});
