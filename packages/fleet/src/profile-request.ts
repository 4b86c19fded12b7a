import { contentHash, deviceId } from '@cutpoint/control';
import type { NamedTensors } from '@cutpoint/core';
import type { LinkProfile, ModelProfile } from '@cutpoint/plan';
import type { Meta } from '@cutpoint/wire';
import { z } from 'zod';

/** The server has a device profile a model, or measure its link to another device, by these methods. */
export const profileMethod = 'profile';
export const measureLinkMethod = 'measure-link';

/** How long one request may wait for the profile: the server asks again until it is there. */
export const mostWaitMs = 10_000;

/** A path below the folder of the model, by names that mean the same everywhere. */
const filePath = z
  .string()
  .min(1)
  .max(512)
  .refine((path) => path.split('/').every((part) => /^[^\\\p{Cc}:]{1,200}$/u.test(part) && !/^\.\.?$/.test(part)));

/** What shall be profiled. */
export const profileRequest = z.object({
  /** The ONNX file first, then what lies beside it: weights, and the file that declares its preprocessing. */
  files: z
    .array(z.object({ path: filePath, hash: contentHash, bytes: z.int().nonnegative() }))
    .min(1)
    .max(65),
  /** Sizes of free dimensions. */
  dims: z.record(z.string().min(1).max(256), z.int().positive()).default({}),
  /** Where they can be fetched: a device that nothing was deployed to knows no server yet. */
  content: z.array(z.string().max(512)).max(16).default([]),
  waitMs: z.number().min(0).max(mostWaitMs).default(0),
  /** Ends the work instead. */
  cancel: z.boolean().default(false),
});
export type ProfileRequest = z.output<typeof profileRequest>;

const progress = z.object({
  step: z.enum(['fetch', 'open', 'device', 'time', 'memory']),
  done: z.number().nonnegative(),
  total: z.number().nonnegative(),
});
export type ProfileStep = z.output<typeof progress>;

/** How far a device is. */
export type ProfileAnswer =
  | { readonly state: 'running'; readonly progress: ProfileStep }
  | { readonly state: 'cancelled' }
  | { readonly state: 'done'; readonly profile: ModelProfile; readonly notes: readonly string[] };

/** The meta data of an answer. */
export const profileAnswerMeta = z.discriminatedUnion('state', [
  z.object({ state: z.literal('running'), progress }),
  z.object({ state: z.literal('cancelled') }),
  z.object({ state: z.literal('done'), notes: z.array(z.string().max(2000)).max(16) }),
]);

/** An answer as it crosses the wire: the profile is too long for meta data. */
export function encodeProfileAnswer(answer: ProfileAnswer): { meta: Meta; tensors?: NamedTensors } {
  if (answer.state !== 'done') return { meta: { ...answer } };
  const data = new TextEncoder().encode(JSON.stringify(answer.profile));
  const notes = answer.notes.slice(0, 16).map((note) => note.slice(0, 2000));
  const tensors = new Map([['profile', { dtype: 'u8' as const, shape: [data.length], data }]]);
  return { meta: { state: 'done', notes }, tensors };
}

/** Which link shall be measured. */
export const linkRequest = z.object({
  to: deviceId,
  /** Where that device listens, best first. */
  addresses: z.array(z.string().max(512)).max(16),
  budgetMs: z.number().min(500).max(20_000).default(3_000),
});
export type LinkRequest = z.output<typeof linkRequest>;

/** How a link is. */
export interface LinkAnswer {
  readonly profile: LinkProfile;
  /** The address that was used. */
  readonly via: string;
}
