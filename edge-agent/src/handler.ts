import { CutpointError } from '@cutpoint/core';
import { version } from '@cutpoint/daemon';
import type { SplitModel } from '@cutpoint/runtime';
import type { RequestHandler } from '@cutpoint/wire';
import type { SplitClient } from './split-client.js';

/**
 * Answers `describe` (the model's inputs and outputs) and `infer` (the model's inputs in, its outputs out, with
 * `timing` beside them). A request without a deadline gets `timeoutMs`.
 */
export function agentHandler(model: SplitModel, client: SplitClient, timeoutMs: number): RequestHandler {
  const inputs = model.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));
  const description = { version, modelHash: model.modelHash, inputs, outputs: [...model.outputs] };
  return async ({ method, tensors, signal, deadlineMs = timeoutMs }) => {
    switch (method) {
      case 'describe':
        return { meta: description };
      case 'infer': {
        const { outputs, timing } = await client.run(tensors, { signal, deadlineMs, transfer: true });
        return { meta: { timing }, tensors: outputs };
      }
      default:
        throw new CutpointError('CUT_USAGE', `The agent has no method "${method}": it has describe and infer.`);
    }
  };
}
