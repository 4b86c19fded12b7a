import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { reachableUrl } from './reachable-urls.js';

const at = (address: string) => ({ family: address.includes(':') ? 'IPv6' : 'IPv4', address }) as NetworkInterfaceInfo;
const lo = [at('127.0.0.1'), at('::1')];

describe('how others reach what listens', () => {
  it('is the address that it listens on', () => {
    for (const url of ['https://127.0.0.1:7480', 'https://192.168.1.7:7480', 'https://box.lan:7480']) {
      expect(reachableUrl(url, { lo })).toBe(url);
    }
  });

  it('is one that another machine can use, where it listens on all', () => {
    const interfaces = { lo, eth0: [at('169.254.1.1'), at('fe80::1')], wlan0: [at('192.168.1.7')] };
    expect(reachableUrl('https://0.0.0.0:7480', interfaces)).toBe('https://192.168.1.7:7480');
    expect(reachableUrl('mqtts://[::]:7483', { lo, eth0: [at('fd00::7')] })).toBe('mqtts://[fd00::7]:7483');
  });

  it('is nowhere before the machine has an address', () => {
    expect(reachableUrl('https://0.0.0.0:7480', { lo })).toBeUndefined();
    expect(reachableUrl('https://[::]:7480', { lo })).toBeUndefined();
  });
});
