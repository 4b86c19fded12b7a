import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceId } from '../ids.js';
import { maxBytesOf, peers } from '../messages.js';
import { fitPeers } from './fit-peers.js';

const address = fc.oneof(fc.string({ maxLength: 250, unit: 'binary' }), fc.constant('wss://192.168.1.20:7402'));
const message = fc.record({
  devices: fc
    .array(fc.array(address, { maxLength: 16 }), { maxLength: 256 })
    .map((all) => all.map((addresses, i) => ({ device: deviceId.parse(`device-${i}`.padEnd(63, 'x')), addresses }))),
  content: fc.array(fc.string({ maxLength: 512 }), { maxLength: 16 }),
});

describe('what a device is told of others', () => {
  it('is never longer than its channel allows, and names all of them, their best addresses first', () => {
    fc.assert(
      fc.property(message, (given) => {
        const fitted = fitPeers(given);
        expect(peers.safeParse(fitted).success).toBe(true);
        expect(Buffer.byteLength(JSON.stringify(fitted))).toBeLessThanOrEqual(maxBytesOf.peers);
        expect(fitted.devices.map(({ device }) => device)).toEqual(given.devices.map(({ device }) => device));
        for (const [i, { addresses }] of fitted.devices.entries()) {
          expect(given.devices[i]?.addresses.slice(0, addresses.length)).toEqual(addresses);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is whole where the addresses are usual ones, whatever another device announces', () => {
    const usual = ['wss://192.168.1.20:7402', 'wss://[fd00::20]:7402', 'wss://pi-20.local:7402'];
    const devices = Array.from({ length: 100 }, (_, i) => ({
      device: deviceId.parse(`pi-${i}`),
      addresses: i === 50 ? Array(16).fill('x'.repeat(512)) : usual,
    }));
    const { devices: told } = fitPeers({ devices, content: ['https://192.168.1.2:7480'] });
    expect(told.filter(({ addresses }) => addresses.length === 3)).toHaveLength(99);
  });
});
