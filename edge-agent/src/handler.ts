import type { TensorSpec } from '@cutpoint/core';
import { CutpointError } from '@cutpoint/core';
import { type SplitChoice, splitChoice, version } from '@cutpoint/daemon';
import { answerProbe, type Meta, probeMethod, type RequestHandler } from '@cutpoint/wire';
import type { SplitRunner } from './split-runner.js';

/** What an agent serves. */
export interface AgentService {
  readonly modelHash: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly string[];
  readonly runner: Pick<SplitRunner, 'prepare' | 'run'>;
  /** How to split a request that does not say so itself; undefined if each must. */
  choice(): SplitChoice | undefined;
  /** Deadline of a request that has none. */
  readonly timeoutMs: number;
}

/**
 * Answers `describe` (the model's inputs and outputs; with a split in the meta data, once that is ready) and `infer` (the
 * model's inputs in, its outputs out, with `timing` beside them; split as the meta data say, if they do). `probe` measures
 * the link.
 */
export function agentHandler(service: AgentService): RequestHandler {
  const inputs = service.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));
  const description = { version, modelHash: service.modelHash, inputs, outputs: [...service.outputs] };
  const choices = new WeakMap<object, SplitChoice>();
  const choiceOf = (meta: Meta): SplitChoice => {
    const split = meta.split;
    if (split === undefined || typeof split !== 'object' || split === null) return readChoice(service, split);
    // Requests that repeat have the same meta data, not only equal ones.
    const choice = choices.get(split) ?? readChoice(service, split);
    choices.set(split, choice);
    return choice;
  };
  return async ({ method, meta, tensors, signal }) => {
    switch (method) {
      case 'describe': {
        if (meta.split !== undefined) await service.runner.prepare(choiceOf(meta), signal);
        return { meta: description };
      }
      case 'infer': {
        const own = signal.endsAtMs === undefined ? { deadlineMs: service.timeoutMs } : {};
        const options = { signal, ...own, transfer: true };
        const { outputs, timing } = await service.runner.run(choiceOf(meta), tensors, options);
        return { meta: { timing }, tensors: outputs };
      }
      case probeMethod:
        return answerProbe({ meta });
      default:
        throw new CutpointError('CUT_USAGE', `The agent has no method "${method}": it has describe, infer and probe.`);
    }
  };
}

function readChoice(service: AgentService, split: unknown): SplitChoice {
  const choice = split === undefined ? service.choice() : splitChoice.safeParse(split).data;
  if (choice !== undefined) return choice;
  const message =
    split === undefined
      ? 'The request does not say where to cut, and the agent was started without --at.'
      : 'The split in the request is none: it must give at, a list of cuts, and codecs, one for each.';
  throw new CutpointError('CUT_INPUT', message);
}
