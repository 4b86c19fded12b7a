import { type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import type { StageService } from '@cutpoint/daemon';
import {
  AnsweredRequests,
  checkGeneration,
  Deadline,
  type HopReport,
  requestIdOf,
  requestKeyOf,
  type StageRequest,
  splitChoice,
  stageRequest,
  tagsOf,
  version,
} from '@cutpoint/daemon';
import { answerProbe, type Meta, probeMethod, type RequestHandler } from '@cutpoint/wire';

interface StageAnswer {
  readonly meta: HopReport;
  readonly tensors: NamedTensors;
}

/** For how long a request that is repeated is answered without being computed again, and what may be kept for that. */
const answeredLimits = { windowMs: 30_000, maxAnswers: 1_024, maxBytes: 64 * 1024 ** 2, maxUnderWay: 1_024 };
/** Longest computation for the sake of a caller that may be gone and may ask again. */
const longestMs = 600_000;

/**
 * Answers `describe` and `infer` for the segments behind the first cut. Both say in their meta data which split they mean
 * and which segment of it; what goes wrong goes back to whoever asked. An `infer` with an `id` that was answered a short
 * time ago gets the same answer again; one with an older `generation` than `generation()` is refused. `probe` measures
 * the link.
 */
export function stageHandler(
  service: StageService,
  generation: () => number | undefined = () => undefined,
): RequestHandler {
  const requestOf = requestReader();
  const bytesOf = ({ tensors }: StageAnswer) =>
    [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  const answered = new AnsweredRequests<StageAnswer>({ ...answeredLimits, bytesOf });
  const infer = async (meta: Meta, tensors: NamedTensors, signal: CancelSignal): Promise<StageAnswer> => {
    const request = requestOf(meta);
    checkGeneration(meta, generation());
    const id = requestIdOf(meta);
    const tags = tagsOf(meta);
    if (id === undefined) return await service.infer(request, tensors, { signal, tags });
    const compute = async (): Promise<StageAnswer> => {
      const endsInMs = (signal.endsAtMs ?? Number.POSITIVE_INFINITY) - performance.now();
      using deadline = new Deadline(Math.min(endsInMs, longestMs));
      return await service.infer(request, tensors, { signal: deadline, tags });
    };
    return await answered.ask(requestKeyOf(id, request, tensors), compute, signal);
  };
  return async ({ method, meta, tensors, signal }) => {
    switch (method) {
      case 'describe':
        return { meta: await describe(service, meta, signal) };
      case 'infer':
        return await infer(meta, tensors, signal);
      case probeMethod:
        return answerProbe({ meta });
      default:
        throw new CutpointError('CUT_USAGE', `The server has no method "${method}": it has describe, infer and probe.`);
    }
  };
}

/** Most requests whose meta data are remembered. */
const mostRemembered = 64;

/** Reads which stage is asked for. Requests that repeat get the same object: what is derived from it is made once. */
function requestReader(): (meta: Meta) => StageRequest {
  const same = new WeakMap<object, StageRequest>();
  const equal = new Map<string, StageRequest>();
  return (meta) => {
    // Without an id a request that repeats has the same meta data, not only equal ones.
    const known = same.get(meta);
    if (known !== undefined) return known;
    const key = JSON.stringify([meta.at, meta.codecs, meta.segment]);
    const request = equal.get(key) ?? readRequest(meta);
    equal.delete(key);
    equal.set(key, request);
    const [oldest] = equal.keys();
    if (equal.size > mostRemembered && oldest !== undefined) equal.delete(oldest);
    same.set(meta, request);
    return request;
  };
}

/** Asked without a split: the one that the server was started for; a server for any cut tells its model. */
async function describe(service: StageService, meta: Meta, signal: CancelSignal): Promise<Meta> {
  const request = Object.keys(meta).length === 0 ? service.fixed : readRequest(meta);
  if (request === undefined) return { version, modelHash: service.modelHash };
  return await service.describe(request, signal);
}

function readRequest(meta: unknown): StageRequest {
  const parsed = stageRequest.safeParse(meta);
  if (parsed.success && parsed.data.segment <= parsed.data.at.length) return parsed.data;
  const told = splitChoice.safeParse(meta).success
    ? 'names a segment that the split does not have'
    : 'does not say where the model is cut';
  throw new CutpointError('CUT_INPUT', `The request ${told}: it must give at, codecs and segment.`);
}
