import { type DeviceView, devicesView } from '@cutpoint/server/client';
import { expect, it } from 'vitest';
import { devicesText } from './devices-text.js';

const session = '0'.repeat(32);

type Browser = DeviceView['facts']['browser'];

function deviceOf(name: string, status: DeviceView['status'], addresses: string[], browser?: Browser): DeviceView {
  const [device] = devicesView.parse({
    devices: [
      {
        ...{ device: name, role: 'agent', status, statusMs: 90_000, quietMs: 1, session, addresses },
        facts: { version: '1', platform: 'linux', cpuModel: 'A76', cores: 4, memoryBytes: 8e9, browser },
        telemetry: {
          ...{ session, beat: 1, memoryBytes: 120e6, freeMemoryBytes: 1e9, cpuShare: 0.25 },
          ...{ requests: { done: 0, failed: 0, underWay: 0 }, links: [] },
        },
      },
    ],
  }).devices;
  if (device === undefined) throw new Error('it was given one');
  return device;
}

it('what a device said last is shown of those that are there alone, and addresses are those that others use', () => {
  const text = devicesText([
    deviceOf('server', 'online', ['wss://127.0.0.1:7400', 'wss://192.168.1.10:7400']),
    deviceOf('pi-1', 'silent', ['ws://127.0.0.1:7401']),
    deviceOf('pi-2', 'offline', []),
    deviceOf('pi-3', 'revoked', []),
  ]);
  const rows = text.trimEnd().split('\n').slice(1);
  expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
    ['server', 'agent', 'online', '2 min', '25 %', '120 MB', 'wss://192.168.1.10:7400'],
    ['pi-1', 'agent', 'away (silent)', '2 min', '-', '-', 'ws://127.0.0.1:7401'],
    ['pi-2', 'agent', 'away', '2 min', '-', '-', '-'],
    ['pi-3', 'agent', 'revoked', '2 min', '-', '-', '-'],
  ]);
});

it('a page is shown with its browser and its GPU, where others have an address', () => {
  const text = devicesText([
    deviceOf('phone', 'online', [], { name: 'Chrome 130', gpu: 'qualcomm adreno-7xx' }),
    deviceOf('tablet', 'online', [], { name: 'Safari 17' }),
  ]);
  expect(text).toContain('a page in Chrome 130, WebGPU on qualcomm adreno-7xx\n');
  expect(text).toContain('a page in Safari 17, without WebGPU\n');
});
