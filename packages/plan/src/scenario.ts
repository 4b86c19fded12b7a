import { z } from 'zod';
import { powerSchema } from './profiles.js';

const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

const deviceSchema = z.strictObject({
  id,
  /** `edge`: energy counts, near the data. `server`: at the far end. */
  role: z.enum(['edge', 'server']).default('edge'),
  /** How many times slower than the device whose profile is used; for emulated devices. */
  slowDown: z.number().min(1).max(1000).default(1),
  /** A segment that needs more does not fit. */
  memoryMB: z.number().positive().optional(),
  threads: z.number().int().min(1).max(256).default(1),
  power: powerSchema.omit({ source: true }).partial().optional(),
  /** A profile of this model measured on the device itself (`cutpoint profile` there); else this machine's is used. */
  profile: z.string().optional(),
  /** Where its daemon listens, for `plan --watch`; the testbed starts its own. */
  url: z.string().optional(),
});
export type ScenarioDevice = z.infer<typeof deviceSchema>;

const directionSchema = z.strictObject({
  rateMbit: z.number().min(0.001).max(1_000_000).optional(),
  /** One way. */
  delayMs: z.number().nonnegative().max(60_000).optional(),
  jitterMs: z.number().nonnegative().max(60_000).optional(),
  lossPct: z.number().min(0).max(50).optional(),
});

const linkSchema = z
  .strictObject({
    from: id,
    to: id,
    /** Both directions, unless `up` or `down` says otherwise. May be left out, with the delay, where there is a profile. */
    rateMbit: z.number().min(0.001).max(1_000_000).optional(),
    /** One way. */
    delayMs: z.number().nonnegative().max(60_000).optional(),
    jitterMs: z.number().nonnegative().max(60_000).default(0),
    lossPct: z.number().min(0).max(50).default(0),
    up: directionSchema.optional(),
    down: directionSchema.optional(),
    /** CSV beside the scenario with columns `seconds,rateMbit[,delayMs[,lossPct]]`, replayed in a loop. */
    trace: z.string().optional(),
    /** What `cutpoint probe --out` wrote; planning then uses it instead of stated figures, which may be left out. */
    profile: z.string().optional(),
  })
  .refine(
    ({ rateMbit, delayMs, profile }) => profile !== undefined || (rateMbit !== undefined && delayMs !== undefined),
    {
      message: 'a link with rateMbit and delayMs, or with a profile',
    },
  );
export type ScenarioLink = z.infer<typeof linkSchema>;

const loadSchema = z.strictObject({
  /** Agents like the first device that share the last one. */
  agents: z.number().int().min(1).max(10_000).default(1),
  /** Requests per second of each agent, arriving at random; without it requests follow one another. */
  rateHz: z.number().positive().optional(),
});

/** Devices in a chain, links between neighbours, and what is asked of them. */
export const scenarioSchema = z.strictObject({
  name: id,
  title: z.string().max(200),
  description: z.string().max(4000).default(''),
  /** Paths or names of models, for the testbed; `cutpoint plan` is given its model. */
  models: z.array(z.string()).max(32).default([]),
  /** By file name of a model: a file beside the scenario that declares its preprocessing, so that pixels may cross. */
  preprocessing: z.record(z.string(), z.string()).default({}),
  /** By file name of a model: a file beside the scenario that `cutpoint calibrate` wrote; its codecs can then be chosen. */
  calibrations: z.record(z.string(), z.string()).default({}),
  dims: z.record(z.string(), z.number().int().positive()).default({}),
  /** In the order in which a request passes them; the first has the input and wants the answer. */
  devices: z.array(deviceSchema).min(1).max(16),
  links: z.array(linkSchema).max(64).default([]),
  codecs: z.array(id).min(1).max(32).default(['raw', 'f16']),
  load: loadSchema.prefault({}),
});
export type Scenario = z.infer<typeof scenarioSchema>;
