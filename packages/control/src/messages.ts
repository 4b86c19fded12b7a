import { isDType } from '@cutpoint/core';
import { z } from 'zod';
import { contentHash, deploymentId, deviceId, generation, sessionId } from './ids.js';
import type { DeviceChannel } from './topics.js';

/** Longest payload of any message, in bytes; checked before it is parsed. */
export const maxMessageBytes = 256 * 1024;

/** Longest payload by channel: what devices say is kept for each of them, so it is held shorter than the rest. */
export const maxBytesOf = {
  presence: 16 * 1024,
  state: 64 * 1024,
  telemetry: 16 * 1024,
  reply: maxMessageBytes,
  desired: maxMessageBytes,
  lease: 1024,
  peers: 64 * 1024,
  command: 4096,
} as const satisfies Record<DeviceChannel, number>;

const text = z.string().max(512);
const address = z.string().max(512);
const bytes = z.number().int().nonnegative();
const ms = z.number().nonnegative().max(1e12);
const count = z.int().nonnegative();

/** What a device is, measured at its start. */
export const deviceFacts = z.object({
  version: text,
  platform: text,
  cpuModel: text,
  cores: count,
  /** 0 where that is not told, as by most browsers. */
  memoryBytes: bytes,
  /** Of a page in a browser: which browser, and which GPU it offers, if any. */
  browser: z.object({ name: text, gpu: text.optional() }).optional(),
});
export type DeviceFacts = z.output<typeof deviceFacts>;

/** Retained. The last will is `{online: false}` of the same session: a will that comes late does not hide a new run. */
export const presence = z.discriminatedUnion('online', [
  z.object({
    online: z.literal(true),
    session: sessionId,
    role: z.enum(['agent', 'server']),
    /** Where the wire of this device listens, best first; none if nothing can reach it directly. */
    addresses: z.array(address).max(16),
    facts: deviceFacts,
  }),
  z.object({ online: z.literal(false), session: sessionId }),
]);
export type Presence = z.output<typeof presence>;

/** A file that a deployment needs, named by its content. */
export const deployedFile = z.object({ name: text, hash: contentHash, bytes });
export type DeployedFile = z.output<typeof deployedFile>;

/** One way to answer a request. The rungs of a ladder are tried in order, each within what is left of the deadline. */
export const rung = z.object({
  /** Where the model is cut, as `cutpoint cuts` numbers it: all of it on this device where there is none. */
  at: z.array(count).max(63),
  codecs: z.array(text).max(63),
  /** The devices behind this one, in order; one for each cut. */
  chain: z.array(deviceId).max(63),
});
export type Rung = z.output<typeof rung>;

/** A tensor as a model declares it; free dimensions are null or a name. */
const tensorSpec = z.object({
  name: text,
  dtype: z.string().refine(isDType),
  shape: z.array(z.union([count, text, z.null()])).max(32),
});

/** What one device has to do for one deployment. */
export const assignment = z.object({
  deployment: deploymentId,
  /** The model's name for people, the SHA-256 of its file with its weights, what goes in and what comes out. */
  model: z.object({
    name: text,
    hash: contentHash,
    inputs: z.array(tensorSpec).max(1024),
    outputs: z.array(tensorSpec).max(1024),
  }),
  /** Segments that this device runs, with what they take when loaded. */
  segments: z.array(z.object({ from: count, to: count.optional(), file: deployedFile, memoryBytes: bytes })).max(64),
  /** Everything else that must be here: `segments.json`, tables, preprocessing. */
  files: z.array(deployedFile).max(256),
  /** For requests that begin at this device; empty on a device that only continues those of others. */
  ladder: z.array(rung).max(16),
});
export type Assignment = z.output<typeof assignment>;

/** Retained. All that a device shall run from now on; what is not in it goes once the rest is ready. */
export const desiredState = z.object({
  generation,
  assignments: z.array(assignment).max(64),
  /** By the fleet's authority, as `signDeployment` makes it. */
  signature: z.string().max(2048).optional(),
});
export type DesiredState = z.output<typeof desiredState>;

/** How far a device is with one assignment. */
export const assignmentState = z.object({
  deployment: deploymentId,
  phase: z.enum(['fetching', 'preparing', 'ready', 'refused', 'failed']),
  fetchedBytes: bytes.optional(),
  totalBytes: bytes.optional(),
  /** Why, in a sentence, with a stable code. */
  problem: z.object({ code: text, message: z.string().max(2000) }).optional(),
});
export type AssignmentState = z.output<typeof assignmentState>;

/** Retained. What a device reports against what is desired. */
export const reportedState = z.object({
  session: sessionId,
  /** The generation that all of this device acts on: the last whose assignments were all ready. */
  active: generation.optional(),
  /** The generation it is working on. */
  wanted: generation.optional(),
  assignments: z.array(assignmentState).max(64),
});
export type ReportedState = z.output<typeof reportedState>;

/** Once a second. It also asks for the lease: the server answers with the same `beat`. */
export const telemetry = z.object({
  session: sessionId,
  beat: count,
  memoryBytes: bytes,
  freeMemoryBytes: bytes,
  cpuShare: z.number().min(0).max(1),
  requests: z.object({ done: count, failed: count, underWay: count }),
  /** How the links of this device do, by the other end. */
  links: z
    .array(
      z.object({
        to: deviceId,
        up: z.boolean(),
        roundTripMs: ms.optional(),
        bytesPerSecond: z.number().nonnegative().optional(),
      }),
    )
    .max(64),
});
export type Telemetry = z.output<typeof telemetry>;

/**
 * Leave to act on what was deployed. Durations, never wall time: the device counts from the moment it sent the beat, so
 * that a lease never lasts longer there than here.
 */
export const lease = z.object({
  session: sessionId,
  beat: count,
  /** The generation to act on: a newer one that is desired is only prepared, and with an older one there is no lease. */
  generation,
  durationMs: ms,
  /** The server does not have this session's presence (a late will hid it, a broker lost it): announce it again. */
  announce: z.literal(true).optional(),
});
export type Lease = z.output<typeof lease>;

/**
 * Retained. What a device needs to reach others: it may not read what they announce. Who answers at an address is told by
 * its certificate, so that a wrong address does no harm.
 */
export const peers = z.object({
  /** Those that share a deployment with this device; their addresses best first. */
  devices: z.array(z.object({ device: deviceId, addresses: z.array(address).max(16) })).max(256),
  /** Where the files of deployments are fetched: `https://host:port` or `http://host:port`, best first. */
  content: z.array(address).max(16),
});
export type Peers = z.output<typeof peers>;

/** A segment that a page times, or runs first: a single file. */
const timedFile = z.object({ hash: contentHash, bytes, outputs: z.array(text).max(64) });

/** Something to do once, answered by a `reply` with the same id. A repeated id is answered, not done again. */
export const command = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  session: sessionId,
  /** How long the answer is waited for. */
  budgetMs: ms,
  action: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('ping') }),
    z.object({ kind: z.literal('logs'), lines: z.int().min(1).max(1000) }),
    z.object({ kind: z.literal('forget-cache') }),
    /** Ask the server which certificates to refuse, and whether to renew one's own. */
    z.object({ kind: z.literal('check-identity') }),
    /** Of a page: how it runs segments, then a batch of them to time, and its link to the server. All answer with JSON, cut into lines. */
    z.object({ kind: z.literal('describe-runtime') }),
    z.object({
      kind: z.literal('time-segments'),
      whole: timedFile,
      segments: z.array(timedFile).max(3),
      rounds: z.int().min(1).max(100),
      /** What the model takes, in sizes that are known. */
      inputs: z
        .array(z.object({ name: text, dtype: z.string().refine(isDType), shape: z.array(count).max(32) }))
        .max(64),
    }),
    z.object({ kind: z.literal('probe-link'), probeMs: ms }),
  ]),
});
export type Command = z.output<typeof command>;

export const reply = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  session: sessionId,
  outcome: z.discriminatedUnion('ok', [
    z.object({ ok: z.literal(true), lines: z.array(z.string().max(4096)).max(1000).optional() }),
    z.object({ ok: z.literal(false), code: text, message: z.string().max(2000) }),
  ]),
});
export type Reply = z.output<typeof reply>;
