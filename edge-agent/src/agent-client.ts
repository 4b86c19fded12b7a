import { randomUUID } from 'node:crypto';
import { type CancelSignal, CutpointError, isDType, type NamedTensors, type TensorSpec } from '@cutpoint/core';
import { readSplitAnswer, type SplitResult } from '@cutpoint/daemon';
import type { Peer } from '@cutpoint/wire';
import { z } from 'zod';

const text = z.string().max(4_096);
const agentDescription = z.object({
  /** Of a device of a fleet: what the model was deployed as. */
  deployment: text.optional(),
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

export interface AgentQuestion {
  readonly signal: CancelSignal;
  readonly deadlineMs: number;
  /** Of an agent of a fleet, which may have several: the name of a model or of its deployment. */
  readonly model?: string | undefined;
}

/**
 * Asks an agent which inputs its model has.
 * @throws CutpointError CUT_MODEL_MISMATCH if the other side is no agent, CUT_USAGE if a model was named and the agent runs
 * one without a fleet, or what `peer.request` throws.
 */
export async function inputsOfAgent(peer: Peer, question: AgentQuestion): Promise<readonly TensorSpec[]> {
  const { model } = question;
  const { meta } = await peer.request({ method: 'describe', meta: named(model) }, question);
  const parsed = agentDescription.safeParse(meta);
  if (!parsed.success) throw notAnAgent('does not describe itself as an agent does; is it a server?');
  if (model === undefined || parsed.data.deployment !== undefined) return parsed.data.inputs;
  const message = `This agent is in no fleet and runs one model, whatever it is called: ask it without "${model}".`;
  throw new CutpointError('CUT_USAGE', message);
}

/**
 * Asks an agent to run its model once.
 * @throws CutpointError CUT_MODEL_MISMATCH if the reply is not an agent's, what the agent answers with, or what
 * `peer.request` throws.
 */
export async function inferAtAgent(peer: Peer, inputs: NamedTensors, question: AgentQuestion): Promise<SplitResult> {
  const request = { method: 'infer', meta: { id: randomUUID(), ...named(question.model) }, tensors: inputs };
  const { meta, tensors } = await peer.request(request, question);
  const result = readSplitAnswer(meta, tensors);
  if (result !== undefined) return result;
  throw notAnAgent('does not say where the time went; is it a server?');
}

function named(model: string | undefined): { model?: string } {
  return model === undefined ? {} : { model };
}

function notAnAgent(what: string): CutpointError {
  return new CutpointError(
    'CUT_MODEL_MISMATCH',
    `The other side ${what} Give the address that \`cutpoint agent\` shows.`,
  );
}
