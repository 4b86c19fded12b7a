import { randomUUID } from 'node:crypto';
import { type CancelSignal, CutpointError, isDType, type NamedTensors, type TensorSpec } from '@cutpoint/core';
import { readSplitAnswer, type SplitResult } from '@cutpoint/daemon';
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
  const result = readSplitAnswer(meta, tensors);
  if (result !== undefined) return result;
  throw notAnAgent('does not say where the time went; is it a server?');
}

function notAnAgent(what: string): CutpointError {
  return new CutpointError(
    'CUT_MODEL_MISMATCH',
    `The other side ${what} Give the address that \`cutpoint agent\` shows.`,
  );
}
