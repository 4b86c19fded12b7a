import { CutpointError, type Tensor } from '@cutpoint/core';
import type { Segment } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import type { Readers, SplitTiming } from './measure.js';

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
      const request = { method: 'infer', tensors: new Map([[input.name, picture]]) };
      const { tensors, meta } = await agent.request(request, { signal, deadlineMs: requestMs });
      return { probabilities: only(tensors), timing: parseTiming(meta.timing) };
    },
  };
}

function parseTiming(timing: unknown): SplitTiming {
  const milliseconds = (name: keyof SplitTiming): number => {
    const value = typeof timing === 'object' && timing !== null ? Reflect.get(timing, name) : undefined;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new CutpointError('CUT_WIRE_MALFORMED', `The agent's answer has no time "${name}".`);
  };
  return {
    frontMs: milliseconds('frontMs'),
    encodeMs: milliseconds('encodeMs'),
    sendMs: milliseconds('sendMs'),
    remoteMs: milliseconds('remoteMs'),
    decodeMs: milliseconds('decodeMs'),
    totalMs: milliseconds('totalMs'),
  };
}
