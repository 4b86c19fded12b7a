import { asCutpointError, type CutpointError } from '@cutpoint/core';
import type { BrokerConnection } from '../connection/connection.js';
import type { DeviceId, FleetId } from '../ids.js';
import type { Assignment, Peers } from '../messages.js';
import { topicOf } from '../topics.js';
import { fitPeers } from './fit-peers.js';
import type { Fleet } from './fleet.js';

export interface PeerBookOptions {
  readonly fleet: FleetId;
  readonly view: Pick<Fleet, 'device' | 'watch'>;
  /** What devices run, and what they shall run: those that share a deployment have to reach one another. */
  readonly assignments: () => Iterable<readonly [DeviceId, readonly Pick<Assignment, 'deployment'>[]]>;
  /** Where files of deployments are fetched. */
  readonly content: () => readonly string[];
  readonly onProblem: (error: CutpointError) => void;
}

/** Changes that follow one another faster are told together. */
const pauseMs = 200;

/** Tells every device to which something is deployed where the others are that it works with. */
export class PeerBook implements Disposable {
  readonly #connection: BrokerConnection;
  readonly #options: PeerBookOptions;
  readonly #watching: Disposable;
  /** What each device was told last on this connection, as JSON. */
  readonly #told = new Map<DeviceId, string>();
  #pending: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(connection: BrokerConnection, options: PeerBookOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#watching = options.view.watch(({ kind }) => {
      if (kind !== 'reported') this.changed();
    });
    connection.onUp(() => this.#tellAllAnew());
  }

  /** What `assignments` or `content` give has changed. */
  changed(): void {
    if (this.#closed) return;
    this.#pending ??= setTimeout(() => {
      this.#pending = undefined;
      this.#tellAll();
    }, pauseMs);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#pending);
    this.#watching[Symbol.dispose]();
  }

  #tellAllAnew(): void {
    this.#told.clear();
    this.changed();
  }

  #tellAll(): void {
    if (!this.#connection.connected) return;
    const content = [...this.#options.content()];
    const relations = related(this.#options.assignments());
    for (const [device, all] of relations) {
      const others = [...all].sort().slice(0, mostPeers);
      const devices = others.flatMap((other) => {
        const known = this.#options.view.device(other);
        return known === undefined ? [] : [{ device: other, addresses: [...known.addresses] }];
      });
      this.#tell(device, fitPeers({ devices, content }));
    }
  }

  #tell(device: DeviceId, peers: Peers): void {
    const text = JSON.stringify(peers);
    if (this.#told.get(device) === text) return;
    this.#told.set(device, text);
    const topic = topicOf(this.#options.fleet, device, 'peers');
    this.#connection.publish(topic, peers, { acknowledged: true, retain: true }).catch((thrown: unknown) => {
      this.#told.delete(device);
      this.#options.onProblem(asCutpointError(thrown, 'CUT_INTERNAL'));
    });
  }
}

const mostPeers = 256;

/** For each device, those that share a deployment with it. */
function related(assignments: ReturnType<PeerBookOptions['assignments']>): ReadonlyMap<DeviceId, Set<DeviceId>> {
  const members = new Map<string, Set<DeviceId>>();
  for (const [device, all] of assignments) {
    for (const { deployment } of all) members.set(deployment, (members.get(deployment) ?? new Set()).add(device));
  }
  const relations = new Map<DeviceId, Set<DeviceId>>();
  for (const group of members.values()) {
    for (const device of group) {
      const others = relations.get(device) ?? new Set();
      for (const other of group) if (other !== device) others.add(other);
      relations.set(device, others);
    }
  }
  return relations;
}
