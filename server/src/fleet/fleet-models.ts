import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Assignment, contentHash, type DeviceId } from '@cutpoint/control';
import { CutpointError, type NamedTensors, throwIfCancelled } from '@cutpoint/core';
import {
  bytesOf,
  type Climbed,
  climb,
  HedgeBudget,
  type HopTimes,
  Pace,
  type Rung,
  readSplitAnswer,
  type SplitResult,
} from '@cutpoint/daemon';
import type { DeployedService, DeviceLinks } from '@cutpoint/fleet';
import { z } from 'zod';
import type { FleetAssignments } from '../deploy/rollout.js';
import type { InferAnswer, InferOptions, ModelInfo, Models } from '../http/models.js';

export interface FleetModelsOptions {
  /** What this server is called. */
  readonly device: DeviceId;
  /** Whether another device is online. */
  readonly isThere: (device: DeviceId) => boolean;
  readonly service: DeployedService;
  readonly links: DeviceLinks;
  /** What the fleet runs. */
  readonly active: () => FleetAssignments;
}

type Asked = { readonly inputs: NamedTensors };
/** How a device answered, and by which model. */
interface Begun extends SplitResult {
  readonly begunAt: DeviceId;
  readonly modelHash: string;
}

type Way = Rung<Asked, Begun>;

/** What a device says of the model that it answered by. */
const answeredBy = z.object({ modelHash: contentHash });

/** While a fleet goes from one version to the next, a device that answered by another is asked again after this. */
const askAgainMs = 50;

/** What is deployed in a fleet, for callers over HTTP: answered here where it was deployed here too, else by a device. */
export class FleetModels implements Models {
  readonly #options: FleetModelsOptions;
  /** How long each device takes, by deployment. */
  readonly #paces = new Map<string, Pace>();
  readonly #hedges = new HedgeBudget();

  constructor(options: FleetModelsOptions) {
    this.#options = options;
  }

  list(): readonly ModelInfo[] {
    const known = new Map<string, ModelInfo>();
    for (const [device, assignments] of this.#options.active()) {
      for (const assignment of assignments) {
        if (assignment.ladder.length === 0) continue;
        const ready = this.#isThere(device) || known.get(assignment.deployment)?.ready === true;
        known.set(assignment.deployment, infoOf(assignment, ready));
      }
    }
    return [...known.values()];
  }

  async infer(name: string, tensors: NamedTensors, options: InferOptions): Promise<InferAnswer> {
    const { deadlineMs, version, signal } = options;
    const endsAtMs = performance.now() + deadlineMs;
    for (let id = options.id; ; id = undefined) {
      const answer = await this.#climb(name, tensors, { ...options, id, deadlineMs: endsAtMs - performance.now() });
      if (version === undefined || answer.version === version) return answer;
      this.#requireVersion(name, version);
      if (endsAtMs - performance.now() <= 2 * askAgainMs) throw switching(name, version, answer);
      // Under another id: under the same, its answer would be the same.
      await sleep(askAgainMs);
      throwIfCancelled(signal);
    }
  }

  async #climb(name: string, tensors: NamedTensors, options: InferOptions): Promise<InferAnswer> {
    const { deadlineMs, id = randomUUID(), outputs: wanted, signal } = options;
    const ways = this.#ways(name);
    if (ways.length === 0) {
      const message = `No device that requests for "${name}" can begin at is there; \`cutpoint status\` tells what is deployed.`;
      throw new CutpointError('CUT_UNREACHABLE', message);
    }
    const climbing = { deadlineMs, id, bytes: bytesOf(tensors), signal, hedges: this.#hedges };
    const climbed = await climb(ways, { inputs: tensors }, climbing);
    return answerOf(climbed, wanted);
  }

  /** @throws CutpointError CUT_NOT_FOUND if the fleet has gone on to another version meanwhile. */
  #requireVersion(name: string, version: string): void {
    const now = this.list().find((model) => model.name === name)?.version;
    if (now === version) return;
    const instead = now === undefined ? 'it is not deployed any more' : `it is "${now}" by now`;
    throw new CutpointError('CUT_NOT_FOUND', `The model "${name}" has no version "${version}": ${instead}.`);
  }

  /** Here first, as nothing has to travel; then at the other devices where requests for it begin. */
  #ways(name: string): readonly Way[] {
    const { device: own } = this.#options;
    const begin = [...this.#options.active()]
      .filter(([, all]) => all.some(({ deployment, ladder }) => deployment === name && ladder.length > 0))
      .map(([device]) => device);
    const others = begin.filter((device) => device !== own && this.#isThere(device));
    // After a start, this server knows what the fleet runs before its own part is loaded.
    const isLoaded = this.#options.service.models.some(({ deployment }) => deployment === name);
    const here = begin.includes(own) && isLoaded ? [this.#here(name, own)] : [];
    return [...here, ...others.map((device) => this.#at(name, device))];
  }

  #isThere(device: DeviceId): boolean {
    return device === this.#options.device || this.#options.isThere(device);
  }

  #here(name: string, own: DeviceId): Way {
    const { service } = this.#options;
    return {
      name: own,
      breaker: undefined,
      pace: this.#paceOf(name, own),
      run: async ({ inputs }, { id, signal }) => ({
        ...(await service.whole({ name, inputs, id, signal })),
        begunAt: own,
      }),
    };
  }

  #at(name: string, device: DeviceId): Way {
    const { links } = this.#options;
    return {
      name: device,
      breaker: links.breaker(device, 1),
      pace: this.#paceOf(name, device),
      run: async ({ inputs }, { id, signal }) => {
        await links.tried(device);
        const request = { method: 'infer', meta: { model: name, id }, tensors: inputs };
        const { meta, tensors } = await links.to(device).peer().request(request, { signal }).catch(notLoadedThere);
        const answer = readSplitAnswer(meta, tensors);
        const by = answeredBy.safeParse(meta).data;
        if (answer !== undefined && by !== undefined) return { ...answer, ...by, begunAt: device };
        throw new CutpointError('CUT_MODEL_MISMATCH', `${device} does not answer as a device of this version does.`);
      },
    };
  }

  #paceOf(name: string, device: DeviceId): Pace {
    const key = `${name} ${device}`;
    const pace = this.#paces.get(key) ?? new Pace();
    this.#paces.set(key, pace);
    return pace;
  }
}

/** A device that has just started knows nothing yet of what the fleet says it runs: others may answer. */
function notLoadedThere(thrown: unknown): never {
  if (!(thrown instanceof CutpointError) || thrown.code !== 'CUT_NOT_FOUND') throw thrown;
  throw new CutpointError('CUT_DEPLOYMENT', thrown.message, { cause: thrown });
}

function versionOf(modelHash: string): string {
  return modelHash.slice(0, 16);
}

function switching(name: string, version: string, answer: InferAnswer): CutpointError {
  const [device = 'a device'] = answer.path;
  const message = `${device} answers for "${name}" by version "${answer.version}", not "${version}": a switch is under way, so ask again.`;
  return new CutpointError('CUT_STALE', message);
}

function infoOf({ deployment, model }: Assignment, ready: boolean): ModelInfo {
  return {
    name: deployment,
    version: versionOf(model.hash),
    platform: 'onnx_onnxruntime',
    ready,
    inputs: model.inputs,
    outputs: model.outputs,
  };
}

function answerOf(
  { answer: { outputs, timing, route, begunAt, modelHash } }: Climbed<Begun>,
  wanted: readonly string[] | undefined,
): InferAnswer {
  const chosen = wanted === undefined ? outputs : new Map([...outputs].filter(([name]) => wanted.includes(name)));
  return {
    outputs: chosen,
    version: versionOf(modelHash),
    timing: timesOf(timing),
    path: [begunAt, ...(route?.devices ?? [])],
  };
}

function timesOf({ stages, links }: HopTimes): InferAnswer['timing'] {
  return { segments: stages.map(({ queueMs, computeMs }) => ({ queueMs, computeMs })), links };
}
