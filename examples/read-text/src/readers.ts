import { CutpointError, type Tensor } from '@cutpoint/core';
import { inferAtAgent } from '@cutpoint/edge-agent';
import type { Segment } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import type { Readers } from './measure.js';

/** How long one request may take, in ms. */
const requestMs = 30_000;

/** The uncut model in a worker of this process, and the split one behind the agent. */
export function makeReaders(whole: Segment, agent: Peer): Readers {
  const [input] = whole.inputs;
  const [output] = whole.outputs;
  if (input === undefined || output === undefined) {
    throw new CutpointError('CUT_MODEL_INVALID', 'The model has no input or no output.');
  }
  const only = (tensors: ReadonlyMap<string, Tensor>): Tensor => {
    const tensor = tensors.get(output.name);
    if (tensor !== undefined) return tensor;
    throw new CutpointError('CUT_RUN', `The model's output "${output.name}" did not come back.`);
  };
  return {
    async whole(picture, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(requestMs)]);
      const { outputs, timing } = await whole.run(new Map([[input.name, picture]]), { signal: limit });
      const totalUs = timing.queueUs + timing.inputUs + timing.computeUs + timing.outputUs;
      return { probabilities: only(outputs), totalMs: totalUs / 1000 };
    },
    async split(picture, signal) {
      const inputs = new Map([[input.name, picture]]);
      const { outputs, timing } = await inferAtAgent(agent, inputs, { signal, deadlineMs: requestMs });
      return { probabilities: only(outputs), timing };
    },
  };
}
