import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { parsed } from '../parse.js';
import { mostDevices } from './check-problem.js';

/** What `cutpoint cluster plan --devices` reads: devices of a cluster and the links between them, as a JSON file. */

const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const path = z.string().min(1).max(4_000);
const ms = z.number().nonnegative().max(1e9);
const rate = z.number().positive().max(1e15);

const speedSchema = z.discriminatedUnion('kind', [
  /** Measured with this package: one token and a chunk of 128 in one layer, one token in the head. */
  z.strictObject({ kind: z.literal('layer-times'), tokenMs: ms, chunkMs: ms, headMs: ms }),
  /** What `cutpoint llm calibrate` wrote there, a path beside this file. */
  z.strictObject({ kind: z.literal('calibration'), file: path }),
  /** Measured rates: with one token at a time, and with a chunk. */
  z.strictObject({ kind: z.literal('gflops'), token: rate, chunk: rate }),
]);
export type ClusterSpeed = z.infer<typeof speedSchema>;

const deviceSchema = z.strictObject({
  id,
  /** What the process may take. */
  memoryBytes: z.number().int().positive().max(Number.MAX_SAFE_INTEGER),
  speed: speedSchema,
  /** Where weights may stream from. Without it they all stay in memory. */
  disk: z.strictObject({ bytesPerS: rate, prepareLayerMs: ms.default(0) }).optional(),
});

const figures = { roundTripMs: ms.max(60_000), bytesPerS: rate, bytesPerSBack: rate.optional() };
const linkSchema = z.union([
  z.strictObject({ from: id, to: id, ...figures }),
  /** What `cutpoint probe --out` wrote on `from`, of `to`; a path beside this file. */
  z.strictObject({ from: id, to: id, profile: path }),
]);

const clusterDevicesSchema = z.strictObject({
  format: z.literal('cutpoint-cluster-devices'),
  version: z.literal(1),
  /** The device with the text, which no other may see: it is in every plan, as rank 0. */
  rank0: id.optional(),
  devices: z.array(deviceSchema).min(1).max(mostDevices),
  /** Of pairs of devices that `links` does not name. */
  link: z.strictObject(figures).optional(),
  links: z.array(linkSchema).max(64).default([]),
});
export type ClusterDevices = z.infer<typeof clusterDevicesSchema>;

/** @throws CutpointError CUT_SCENARIO with the place and what is wrong there. */
export function parseClusterDevices(data: unknown, what = 'The devices file'): ClusterDevices {
  const file = parsed(clusterDevicesSchema, data, 'CUT_SCENARIO', what);
  const fail = (why: string): never => {
    throw new CutpointError('CUT_SCENARIO', `${what} is wrong: ${why}.`);
  };
  const ids = file.devices.map((device) => device.id);
  const twice = ids.find((name, i) => ids.indexOf(name) < i);
  if (twice !== undefined) fail(`two devices are called "${twice}"`);
  const known = ids.join(', ');
  if (file.rank0 !== undefined && !ids.includes(file.rank0)) {
    fail(`rank0 is "${file.rank0}", which is not one of the devices ${known}`);
  }
  const pairs = new Set<string>();
  for (const [i, { from, to }] of file.links.entries()) {
    for (const end of [from, to]) {
      if (!ids.includes(end)) fail(`links[${i}] names "${end}", which is not one of the devices ${known}`);
    }
    if (from === to) fail(`links[${i}] goes from "${from}" to itself`);
    const pair = [from, to].sort().join(' ');
    if (pairs.has(pair)) fail(`links[${i}] is a second link between "${from}" and "${to}"`);
    pairs.add(pair);
  }
  return file;
}
