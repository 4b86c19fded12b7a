import type { z } from 'zod';
import type { Random } from '../../../core/src/mutating.testing.js';
import { mutant, mutantOf, type Plain, pick } from '../../../core/src/mutating.testing.js';
import { command, desiredState, lease, peers, presence, reply, reportedState, telemetry } from '../messages.js';
import { type DeviceChannel, deviceChannels } from '../topics.js';

/** What belongs on each channel. */
export const schemas = {
  presence,
  state: reportedState,
  telemetry,
  reply,
  desired: desiredState,
  peers,
  lease,
  command,
} as const satisfies Record<DeviceChannel, z.ZodType>;

export const session = '0123456789abcdef0123456789abcdef';
const otherSession = 'f'.repeat(32);
/** Stands for one that is drawn anew each time, as a command with a known one is not executed. */
const id = 'a'.repeat(32);
const hash = 'b'.repeat(64);
const facts = { version: '0.1.0', platform: 'linux arm64', cpuModel: 'Cortex-A76', cores: 4, memoryBytes: 8e9 };
const file = { name: 'segment-1.onnx', hash, bytes: 1234 };

/** Valid messages of each channel. */
const valid: Readonly<Record<DeviceChannel, readonly Plain[]>> = {
  presence: [
    { online: true, session, role: 'agent', addresses: ['ws://127.0.0.1:7401'], facts },
    { online: true, session: otherSession, role: 'server', addresses: [], facts },
    { online: false, session },
  ],
  state: [
    { session, active: 3, wanted: 4, assignments: [{ deployment: 'tiny', phase: 'ready' }] },
    {
      session,
      assignments: [
        {
          deployment: 'tiny',
          phase: 'failed',
          fetchedBytes: 1,
          totalBytes: 2,
          problem: { code: 'CUT_MEMORY', message: 'x' },
        },
      ],
    },
  ],
  telemetry: [
    {
      session,
      beat: 7,
      memoryBytes: 5e7,
      freeMemoryBytes: 1e9,
      cpuShare: 0.25,
      requests: { done: 1, failed: 0, underWay: 2 },
      links: [{ to: 'pi-2', up: true, roundTripMs: 1.5, bytesPerSecond: 1e7 }],
    },
  ],
  reply: [
    { id, session, outcome: { ok: true, lines: ['one', 'two'] } },
    { id, session, outcome: { ok: false, code: 'CUT_USAGE', message: 'no' } },
  ],
  desired: [
    {
      generation: 5,
      assignments: [
        {
          deployment: 'tiny',
          model: {
            name: 'tiny',
            hash,
            inputs: [{ name: 'x', dtype: 'f32', shape: [1, null, 'n'] }],
            outputs: [{ name: 'y', dtype: 'f32', shape: [1, 10] }],
          },
          segments: [{ from: 0, to: 1, file, memoryBytes: 1e6 }],
          files: [file],
          ladder: [{ at: [1], codecs: ['raw'], chain: ['pi-2'] }],
        },
      ],
      signature: 'x.y.z',
    },
    { generation: 6, assignments: [] },
  ],
  peers: [
    {
      devices: [{ device: 'pi-2', addresses: ['wss://pi-2.local:7401'] }],
      content: ['https://server:7480', 'http://127.0.0.1:7480'],
    },
    { devices: [], content: [] },
  ],
  lease: [
    { session, beat: 0, generation: 5, durationMs: 5000 },
    { session, beat: 0, generation: 5, durationMs: 0, announce: true },
  ],
  command: [
    { id, session, budgetMs: 1000, action: { kind: 'ping' } },
    { id, session, budgetMs: 1000, action: { kind: 'logs', lines: 10 } },
    { id: 'c'.repeat(32), session, budgetMs: 1000, action: { kind: 'forget-cache' } },
    { id, session, budgetMs: 1000, action: { kind: 'check-identity' } },
  ],
};

const known = deviceChannels.flatMap((channel) => valid[channel]);

/** The payload of a message that was changed in what it says, or in its bytes. */
export function changedPayload(channel: DeviceChannel, random: Random): Uint8Array {
  const original = pick(valid[channel], random);
  const drawn = random(2 ** 32)
    .toString(16)
    .padStart(32, '0');
  const bytes = (value: Plain) => new Uint8Array(Buffer.from(JSON.stringify(value).replaceAll(id, drawn)));
  switch (random(8)) {
    case 0:
      return mutant(bytes(original), random, bytes(pick(known, random)));
    case 1:
      return bytes(original);
    case 2:
      // A number that JSON can write and nothing else.
      return new Uint8Array(Buffer.from(JSON.stringify(original).replace(/\d+(?=[,}])/, pick(oddNumbers, random))));
    default:
      return bytes(mutantOf(original, random, pick(known, random)));
  }
}

const oddNumbers = ['1e999', '-0', '1E+2', '0.30000000000000004', '-1e-999', '18446744073709551616', '1'.repeat(400)];
