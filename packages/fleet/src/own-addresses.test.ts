import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { addressesToAnnounce } from './own-addresses.js';

const at = (family: 'IPv4' | 'IPv6', address: string) => ({ family, address }) as NetworkInterfaceInfo;
const interfaces = {
  lo: [at('IPv4', '127.0.0.1'), at('IPv6', '::1')],
  eth0: [at('IPv6', 'fe80::1'), at('IPv6', '2001:db8::7'), at('IPv4', '192.168.1.7')],
};

describe('what a device announces', () => {
  it('is every interface where it listens on all, without loopback and what needs a zone', () => {
    expect(addressesToAnnounce('tcps://0.0.0.0:7400', { loopback: false, interfaces })).toEqual([
      'tcps://192.168.1.7:7400',
      'tcps://[2001:db8::7]:7400',
    ]);
  });

  it('is where it listens, if that is one address', () => {
    const url = 'wss://192.168.1.7:7401';
    expect(addressesToAnnounce(url, { loopback: false, interfaces })).toEqual([url]);
  });

  it('has loopback last, where the broker is reached by it', () => {
    expect(addressesToAnnounce('wss://0.0.0.0:7400', { loopback: true, interfaces })).toEqual([
      ...['wss://192.168.1.7:7400', 'wss://[2001:db8::7]:7400'],
      ...['wss://127.0.0.1:7400', 'wss://[::1]:7400'],
    ]);
  });

  it('is loopback only where the whole fleet is on this machine', () => {
    const url = 'ws://127.0.0.1:7401';
    expect(addressesToAnnounce(url, { loopback: true, interfaces })).toEqual([url]);
    expect(addressesToAnnounce(url, { loopback: false, interfaces })).toEqual([]);
  });
});
