import { randomUUID } from 'node:crypto';
import { type CancelSignal, CutpointError, isDType, type NamedTensors, type TensorSpec } from '@cutpoint/core';
import type { SplitResult } from '@cutpoint/daemon';
import { hopTimes } from '@cutpoint/daemon';
import type { Peer } from '@cutpoint/wire';
import { z } from 'zod';

const text = z.string().max(4_096);
const agentDescription = z.object({
  inputs: z
    .array(
      z.object({
        name: text,
        dtype: text.refine(isDType),
        shape: z.array(z.union([z.int().min(0), text, z.null()])).max(256),
      }),
    )
    .max(65_536),
  outputs: z.array(text).max(65_536),
});

const ms = z.number();
const answer = z.object({
  timing: z.object({
    frontMs: ms,
    encodeMs: ms,
    sendMs: ms,
    remoteMs: ms,
    decodeMs: ms,
    totalMs: ms,
    ...hopTimes.shape,
  }),
  route: z
    .object({
      by: text,
      fallback: z.boolean(),
      tried: z
        .array(
          z.object({
            rung: text,
            outcome: z.enum(['answered', 'failed', 'slow', 'cancelled', 'left']),
            ms,
            code: text.optional(),
            message: text.optional(),
          }),
        )
        .max(1_024),
    })
    .optional(),
});

/**
 * Asks an agent which inputs its model has.
 * @throws CutpointError CUT_MODEL_MISMATCH if the other side is no agent, or what `peer.request` throws.
 */
export async function inputsOfAgent(
  peer: Peer,
  options: { readonly signal: CancelSignal; readonly deadlineMs: number },
): Promise<readonly TensorSpec[]> {
  const { meta } = await peer.request({ method: 'describe' }, options);
  const parsed = agentDescription.safeParse(meta);
  if (parsed.success) return parsed.data.inputs;
  throw notAnAgent('does not describe itself as an agent does; is it a server?');
}

/**
 * Asks an agent to run its model once.
 * @throws CutpointError CUT_MODEL_MISMATCH if the reply is not an agent's, what the agent answers with, or what
 * `peer.request` throws.
 */
export async function inferAtAgent(
  peer: Peer,
  inputs: NamedTensors,
  options: { readonly signal: CancelSignal; readonly deadlineMs: number },
): Promise<SplitResult> {
  const request = { method: 'infer', meta: { id: randomUUID() }, tensors: inputs };
  const { meta, tensors } = await peer.request(request, options);
  const parsed = answer.safeParse(meta);
  if (!parsed.success) throw notAnAgent('does not say where the time went; is it a server?');
  const { timing, route } = parsed.data;
  return { outputs: tensors, timing, ...(route === undefined ? {} : { route }) };
}

function notAnAgent(what: string): CutpointError {
  return new CutpointError(
    'CUT_MODEL_MISMATCH',
    `The other side ${what} Give the address that \`cutpoint agent\` shows.`,
  );
}
