import type { Assignment, DeviceId, Rung } from '@cutpoint/control';
import type { CancelSignal, NamedTensors } from '@cutpoint/core';
import {
  bytesOf,
  Climber,
  type DeployedModel,
  type FailoverCounts,
  FrontResults,
  type Log,
  Pace,
  type SplitRun,
  type SplitRung,
  SplitRunner,
  type SplitRunOptions,
} from '@cutpoint/daemon';
import type { SegmentOptions } from '@cutpoint/runtime';
import type { DeviceLinks } from './device-links.js';

export interface DeployedRunnerOptions {
  readonly assignment: Assignment;
  readonly model: DeployedModel;
  readonly links: DeviceLinks;
  readonly segmentOptions: SegmentOptions;
  readonly maxInFlight: number;
  /** Deadline of a request that comes without one. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** Answers requests that begin at this device, by the ladder that was deployed with the model. */
export class DeployedRunner {
  readonly #climber: Climber;
  readonly #rungs: readonly SplitRung[];

  constructor(options: DeployedRunnerOptions) {
    this.#climber = new Climber(options);
    this.#rungs = options.assignment.ladder.map((rung) => rungOf(rung, options));
    // The first request finds the link made.
    for (const { chain } of options.assignment.ladder) if (chain[0] !== undefined) options.links.to(chain[0]);
  }

  get counts(): FailoverCounts {
    return this.#climber.counts;
  }

  get underWay(): number {
    return this.#climber.underWay;
  }

  /** Makes the links, and measures what the whole model takes here, so that the ladder can leave it that time. @throws the signal's reason */
  async rehearse(inputs: NamedTensors, signal: CancelSignal): Promise<void> {
    const alone = this.#rungs.find(({ breaker }) => breaker === undefined);
    if (alone === undefined) return;
    for (let run = 0; run < rehearsals; run += 1) {
      const startedAt = performance.now();
      const asked = { inputs, fronts: new FrontResults(signal), generation: undefined };
      await alone.run(asked, { id: 'rehearsal', signal });
      if (run > 0) alone.pace.add(bytesOf(inputs), performance.now() - startedAt);
    }
  }

  /** Runs the model once. @throws CutpointError CUT_OVERLOADED at once if there is too much to do, and as `climb`. */
  run(inputs: NamedTensors, options: SplitRunOptions): Promise<SplitRun> {
    return this.#climber.run(this.#rungs, inputs, options);
  }
}

/** The first only warms up. */
const rehearsals = 3;

function rungOf(rung: Rung, options: DeployedRunnerOptions): SplitRung {
  const [first, ...rest] = rung.chain;
  return first === undefined ? alone(options) : over(rung, first, rest, options);
}

function alone(options: DeployedRunnerOptions): SplitRung {
  const runner = runnerTo(undefined, options);
  return {
    name: 'this device alone',
    breaker: undefined,
    pace: new Pace(),
    run: ({ inputs, fronts }, { signal }) => runner.run(whole, inputs, { signal, fronts }),
  };
}

/** Without a cut: one object, as what is derived from it is remembered by it. */
const whole = { at: [], codecs: [] };

function over(
  { at, codecs, chain }: Rung,
  first: DeviceId,
  rest: readonly DeviceId[],
  options: DeployedRunnerOptions,
): SplitRung {
  const { links, assignment } = options;
  const runner = runnerTo(first, options);
  const choice = { at: [...at], codecs: [...codecs] };
  const { deployment } = assignment;
  return {
    name: `${chain.join(' > ')} (cut ${at}, ${codecs})`,
    breaker: links.breaker(first, chain.length),
    pace: new Pace(),
    async run({ inputs, fronts, generation }, { id, signal }) {
      await links.tried(first);
      const tags = { id, deployment, chain: rest, ...(generation === undefined ? {} : { generation }) };
      const answer = await runner.run(choice, inputs, { signal, fronts, tags });
      const via = links.via(first);
      return { ...answer, asked: { devices: chain, ...(via === undefined ? {} : { via }) } };
    },
  };
}

function runnerTo(
  device: DeviceId | undefined,
  { model, links, segmentOptions, maxInFlight }: DeployedRunnerOptions,
): SplitRunner {
  const { source, stages, codecs } = model;
  const server = device === undefined ? undefined : links.to(device);
  return new SplitRunner({ source, stages, codecs, segmentOptions, maxInFlight, server });
}
