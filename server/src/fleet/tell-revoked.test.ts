import { deviceId } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { tellRevoked } from './tell-revoked.js';

it('names the devices that have not confirmed a revocation, those away among them, in its answer and in the log', async () => {
  const [lost, knows, failed, away, former] = ['lost', 'knows', 'failed', 'away', 'former'].map((name) =>
    deviceId.parse(name),
  );
  if (lost === undefined || knows === undefined || failed === undefined) throw new Error('names');
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  const asked: string[] = [];
  const there = [lost, knows, failed].map((device) => ({ device, status: 'online' }));
  const view = {
    devices: () => [...there, ...[away, former].map((device) => ({ device, status: 'offline' }))],
    command: async (device: string) => {
      asked.push(device);
      if (device === failed) throw new CutpointError('CUT_UNREACHABLE', 'It does not reach the server.');
      return [];
    },
  } as unknown as Parameters<typeof tellRevoked>[0];
  const isRevoked = (device: string) => device === lost || device === former;
  expect(await tellRevoked(view, lost, { isRevoked, log })).toEqual([failed, away]);
  expect(asked).toEqual([knows, failed]);
  expect(lines).toMatchObject([
    { level: 40, device: failed, code: 'CUT_UNREACHABLE' },
    { level: 30, revoked: lost, told: 2, unconfirmed: [failed, away] },
  ]);
});
