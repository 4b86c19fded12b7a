import { tensorOf } from '@cutpoint/core';
import { connect } from '@cutpoint/wire';

/** Asks an agent for one inference of a model with one picture, `x`. An agent without a fleet has one model and takes any name. */
export async function askAgent(url: string, token: string, model: string, pixels: Float32Array<ArrayBuffer>) {
  await using agent = await connect({ url, token, connectTimeoutMs: 5_000 });
  const tensors = new Map([['x', tensorOf('f32', [1, 3, 48, 192], pixels)]]);
  const reply = await agent.request({ method: 'infer', meta: { model }, tensors }, { deadlineMs: 10_000 });
  return { outputs: reply.tensors, timing: reply.meta.timing };
}
