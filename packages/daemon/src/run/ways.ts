import type { NamedTensors } from '@cutpoint/core';
import { CircuitBreaker } from '../failover/circuit-breaker.js';
import { Pace } from '../failover/pace.js';
import type { Rung } from '../failover/rung.js';
import type { ServerConnection } from '../keep-connected.js';
import type { Log } from '../log.js';
import type { SplitChoice } from '../stage-choice.js';
import type { FrontResults } from './front-results.js';
import type { SplitRun } from './run-split.js';
import type { SplitRunner } from './split-runner.js';

/** A server that requests may be finished at. */
export interface ServerWay {
  readonly connection: ServerConnection;
  /** Runs splits whose second segment is at that server. */
  readonly runner: SplitRunner;
}

/** The whole model on this device. */
export interface LocalWay {
  readonly runner: SplitRunner;
  readonly choice: SplitChoice;
}

/** A request on its way up the ladder. */
export interface Asked {
  readonly inputs: NamedTensors;
  readonly fronts: FrontResults;
  readonly generation: number | undefined;
}

export type SplitRung = Rung<Asked, SplitRun>;

/** How a link does, for the health page. */
export interface LinkReport {
  readonly server: string;
  readonly connected: boolean;
  /** `left` while requests go elsewhere because it failed or was slow. */
  readonly use: 'used' | 'left';
}

/** The ways there are for requests, with what is known of each. They last: what a link did before counts. */
export class Ways {
  readonly #servers: readonly ServerWay[];
  readonly #local: LocalWay | undefined;
  readonly #log: Log;
  /** By server and number of devices behind it: a chain may fail where a single server does not. */
  readonly #breakers = new Map<string, CircuitBreaker>();
  /** By name; the one that was used longest ago comes first. */
  readonly #rungs = new Map<string, SplitRung>();

  constructor({ servers, local, log }: { servers: readonly ServerWay[]; local: LocalWay | undefined; log: Log }) {
    this.#servers = servers;
    this.#local = local;
    this.#log = log;
  }

  /** The plan's path, other servers, other plans over each, and all on this device. */
  ladder(choice: SplitChoice, others: readonly SplitChoice[]): readonly SplitRung[] {
    const plans = [choice, ...others.filter((other) => !isSame(other, choice) && !this.#isLocal(other))];
    const far = plans.flatMap((plan) => this.#servers.map((server) => this.#over(server, plan)));
    return this.#local === undefined ? far : [...far, this.#alone(this.#local)];
  }

  /** All on this device, if that is possible. */
  get alone(): SplitRung | undefined {
    return this.#local && this.#alone(this.#local);
  }

  report(): readonly LinkReport[] {
    return this.#servers.map(({ connection: { url: server, connected } }) => {
      const left = [...this.#breakers].some(([key, { state }]) => key.startsWith(`${server} `) && state !== 'closed');
      return { server, connected, use: left ? 'left' : 'used' };
    });
  }

  #isLocal(choice: SplitChoice): boolean {
    return this.#local !== undefined && isSame(choice, this.#local.choice);
  }

  #over({ connection, runner }: ServerWay, choice: SplitChoice): SplitRung {
    const name = `${connection.url} (cut ${choice.at}, ${choice.codecs})`;
    return this.#remember(name, () => ({
      name,
      breaker: this.#breakerOf(connection, choice.at.length),
      pace: new Pace(),
      run: ({ inputs, fronts, generation }, { id, signal }) => {
        const tags = generation === undefined ? { id } : { id, generation };
        return runner.run(choice, inputs, { signal, fronts, tags });
      },
    }));
  }

  #alone({ runner, choice }: LocalWay): SplitRung {
    const name = 'this device alone';
    return this.#remember(name, () => ({
      name,
      breaker: undefined,
      pace: new Pace(),
      run: ({ inputs, fronts }, { signal }) => runner.run(choice, inputs, { signal, fronts }),
    }));
  }

  #remember(name: string, make: () => SplitRung): SplitRung {
    const rung = this.#rungs.get(name) ?? make();
    this.#rungs.delete(name);
    this.#rungs.set(name, rung);
    const [oldest] = this.#rungs.keys();
    if (this.#rungs.size > mostRungs && oldest !== undefined) this.#rungs.delete(oldest);
    return rung;
  }

  #breakerOf(connection: ServerConnection, devices: number): CircuitBreaker {
    const server = connection.url;
    const key = `${server} ${devices}`;
    const known = this.#breakers.get(key);
    if (known !== undefined) return known;
    const breaker = new CircuitBreaker({
      onOpen: (why, again) => {
        if (!again) this.#log.warn({ server, why }, 'left the link');
        // A connection that a cut has interrupted does not come back with the link.
        if (why === 'slow') void connection.renew();
      },
      onClose: () => this.#log.info({ server }, 'the link is used again'),
    });
    this.#breakers.set(key, breaker);
    return breaker;
  }
}

/** Callers may ask for any split, so that there is no end of rungs. */
const mostRungs = 256;

function isSame(a: SplitChoice, b: SplitChoice): boolean {
  return String(a.at) === String(b.at) && String(a.codecs) === String(b.codecs);
}
