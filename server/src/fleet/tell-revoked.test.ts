import { deviceId } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { tellRevoked } from './tell-revoked.js';

it('names the devices that are there and have not confirmed a revocation, in its answer and in the log', async () => {
  const [lost, knows, failed, away] = ['lost', 'knows', 'failed', 'away'].map((name) => deviceId.parse(name));
  if (lost === undefined || knows === undefined || failed === undefined || away === undefined) throw new Error('names');
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  const asked: string[] = [];
  const there = [lost, knows, failed].map((device) => ({ device, status: 'online' }));
  const view = {
    devices: () => [...there, { device: away, status: 'offline' }],
    command: async (device: string) => {
      asked.push(device);
      if (device === failed) throw new CutpointError('CUT_UNREACHABLE', 'It does not reach the server.');
      return [];
    },
  } as unknown as Parameters<typeof tellRevoked>[0];
  expect(await tellRevoked(view, lost, log)).toEqual([failed]);
  expect(asked).toEqual([knows, failed]);
  expect(lines).toMatchObject([
    { level: 40, device: failed, code: 'CUT_UNREACHABLE' },
    { level: 30, revoked: lost, told: 2, unconfirmed: [failed] },
  ]);
});
