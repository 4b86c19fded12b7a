import type { CancelSignal, NamedTensors, TensorSpec } from '@cutpoint/core';
import { CutpointError } from '@cutpoint/core';
import type { SplitRun, SplitRunner } from '@cutpoint/daemon';
import {
  AnsweredRequests,
  checkGeneration,
  Deadline,
  requestKeyOf,
  type SplitChoice,
  splitChoice,
  tagsOf,
  version,
} from '@cutpoint/daemon';
import { answerProbe, type Meta, probeMethod, type RequestHandler } from '@cutpoint/wire';

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
  /** The deployment that the agent acts on, if it does. */
  readonly generation?: (() => number | undefined) | undefined;
}

/** For how long a request that is repeated is answered without being computed again, and what may be kept for that. */
const answeredLimits = { windowMs: 30_000, maxAnswers: 1_024, maxBytes: 64 * 1024 ** 2, maxUnderWay: 1_024 };

/**
 * Answers `describe` (the model's inputs and outputs; with a split in the meta data, once that is ready) and `infer` (the
 * model's inputs in, its outputs out, with `timing` beside them, and `route` where there are several ways; split as the
 * meta data say, if they do, and computed once for all requests of one `id`). `probe` measures the link.
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
  const bytesOf = ({ outputs }: SplitRun) => [...outputs.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  const answered = new AnsweredRequests<SplitRun>({ ...answeredLimits, bytesOf });
  const infer = async (meta: Meta, tensors: NamedTensors, signal: CancelSignal): Promise<SplitRun> => {
    checkGeneration(meta, service.generation?.());
    const choice = choiceOf(meta);
    const tags = tagsOf(meta);
    const { id } = tags;
    const options = { ...(id === undefined ? {} : { tags }), transfer: true };
    if (id === undefined) {
      const own = signal.endsAtMs === undefined ? { deadlineMs: service.timeoutMs } : {};
      return await service.runner.run(choice, tensors, { signal, ...own, ...options });
    }
    // Who asks twice is answered once; that the first has hung up does not end the work.
    const compute = async (): Promise<SplitRun> => {
      const endsInMs = signal.endsAtMs === undefined ? service.timeoutMs : signal.endsAtMs - performance.now();
      using deadline = new Deadline(endsInMs);
      return await service.runner.run(choice, tensors, { signal: deadline, ...options });
    };
    return await answered.ask(requestKeyOf(id, choice, tensors), compute, signal);
  };
  return async ({ method, meta, tensors, signal }) => {
    switch (method) {
      case 'describe': {
        if (meta.split !== undefined) await service.runner.prepare(choiceOf(meta), signal);
        return { meta: description };
      }
      case 'infer': {
        const { outputs, timing, route } = await infer(meta, tensors, signal);
        return { meta: route === undefined ? { timing } : { timing, route }, tensors: outputs };
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
