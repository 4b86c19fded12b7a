import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ContentFetcher,
  ContentStore,
  contentHandler,
  type DesiredState,
  type DeviceId,
  generation,
  openStore,
  type ReportedState,
  type SessionId,
  sessionId,
} from '@cutpoint/control';
import type { CutpointError } from '@cutpoint/core';
import { FleetDeployments, type FleetDeploymentsOptions } from '@cutpoint/fleet';
import { Deployer, type DeployFleet } from '@cutpoint/server';

/** A device of a fleet without a network between: its files and what was deployed to it are real. */
export interface TestDevice {
  readonly device: DeviceId;
  session: SessionId;
  online: boolean;
  reported: ReportedState | undefined;
  deployments: FleetDeployments;
  freeMemoryBytes: number;
  desired: DesiredState | undefined;
}

export interface TestFleetOptions {
  readonly devices: readonly DeviceId[];
  readonly verify?: (desired: DesiredState) => Promise<void>;
  readonly readyMs?: number;
  readonly warm?: FleetDeploymentsOptions['warm'];
  readonly warmMs?: number;
}

/** A server with a content store that is read over HTTP, and devices that fetch from it. */
export class TestFleet implements AsyncDisposable {
  readonly devices = new Map<DeviceId, TestDevice>();
  readonly requests: string[] = [];
  readonly problems: CutpointError[] = [];
  content!: ContentStore; // set by open
  deployer!: Deployer; // set by open
  readonly #listeners = new Set<(change: { kind: string; device: DeviceId }) => void>();
  readonly #closing: (() => Promise<unknown>)[] = [];
  #url = '';
  #folder = '';
  #openDeployer!: () => Deployer; // set by open
  readonly #options: TestFleetOptions;

  private constructor(options: TestFleetOptions) {
    this.#options = options;
  }

  static async open(options: TestFleetOptions): Promise<TestFleet> {
    const fleet = new TestFleet(options);
    fleet.#folder = await mkdtemp(join(tmpdir(), 'cutpoint-fleet-'));
    fleet.#closing.push(() => rm(fleet.#folder, { recursive: true, force: true }));
    fleet.content = await ContentStore.open({ folder: join(fleet.#folder, 'content'), maxBytes: 1e9 });
    const handler = contentHandler({ store: fleet.content });
    const server = createServer((request, response) => {
      fleet.requests.push(request.url ?? '');
      void handler(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    fleet.#closing.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    fleet.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const store = openStore(join(fleet.#folder, 'store'));
    fleet.#closing.push(async () => store[Symbol.dispose]());
    for (const device of options.devices) await fleet.#join(device);
    fleet.#openDeployer = () =>
      new Deployer({
        fleet: fleet.#view(),
        records: store.deployments,
        content: fleet.content,
        sign: async () => 'signed',
        isRevoked: () => false,
        onProblem: (error) => fleet.problems.push(error),
        ...(options.readyMs !== undefined && { readyMs: options.readyMs }),
      });
    fleet.deployer = fleet.#openDeployer();
    fleet.#closing.push(async () => fleet.deployer[Symbol.dispose]());
    return fleet;
  }

  /** Ends the server's part without warning, and begins with what is stored. */
  restartServer(): void {
    this.deployer[Symbol.dispose]();
    this.deployer = this.#openDeployer();
  }

  /** Where a device keeps what it has fetched. */
  cachedAt(id: DeviceId, hash: string): string {
    return join(this.#folder, id, 'content', 'files', hash);
  }

  device(id: DeviceId): TestDevice {
    const device = this.devices.get(id);
    if (device === undefined) throw new Error(`There is no device ${id}.`);
    return device;
  }

  /** Ends the daemon of a device without warning, and starts another with the same disk. */
  async restart(id: DeviceId): Promise<void> {
    const { deployments, desired } = this.device(id);
    await deployments[Symbol.asyncDispose]();
    const device = await this.#join(id, desired);
    this.#tell(id);
    device.deployments.lease(this.deployer.leased);
  }

  /** Devices beat: leases come to them. */
  beat(): void {
    for (const { deployments, online } of this.devices.values()) if (online) deployments.lease(this.deployer.leased);
  }

  /** Waits until nothing is on its way, and devices know. */
  async settled() {
    const status = await this.deployer.settled();
    this.beat();
    return status;
  }

  setOnline(id: DeviceId, online: boolean): void {
    const device = this.device(id);
    device.online = online;
    if (online && device.desired !== undefined) void this.#desire(device, device.desired);
    this.#tell(id);
  }

  async #join(id: DeviceId, desired?: DesiredState): Promise<TestDevice> {
    const folder = join(this.#folder, id);
    const store = await ContentStore.open({ folder: join(folder, 'content'), maxBytes: 1e9 });
    const session = sessionId.parse(randomBytes(16).toString('hex'));
    const device = { device: id, session, online: true, reported: undefined, freeMemoryBytes: 1e9, desired } as Omit<
      TestDevice,
      'deployments'
    > as TestDevice;
    device.deployments = await FleetDeployments.open({
      store,
      fetcher: new ContentFetcher({ store, urls: () => [this.#url] }),
      folder: join(folder, 'deployed'),
      segmentOptions: { optimisation: 'none' },
      freeMemoryBytes: () => device.freeMemoryBytes,
      graceMs: 5_000,
      retryMs: 200,
      ...(this.#options.verify && { verify: this.#options.verify }),
      warm: this.#options.warm,
      ...(this.#options.warmMs !== undefined && { warmMs: this.#options.warmMs }),
      onReport: (report) => {
        device.reported = { session, ...report };
        this.#tell(id);
      },
      onProblem: (error) => this.problems.push(error),
    });
    this.devices.set(id, device);
    if (desired !== undefined) await this.#desire(device, desired);
    return device;
  }

  #view(): DeployFleet {
    return {
      devices: () =>
        [...this.devices.values()].map(({ device, session, online, reported }) => ({
          device,
          session,
          status: online ? ('online' as const) : ('offline' as const),
          reported,
        })),
      watch: (listener) => {
        this.#listeners.add(listener);
        return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
      },
      nextGeneration: () => generation.parse(1),
      desired: () => undefined,
      grantAnew: () => {},
      setDesired: async (id, desired) => {
        const device = this.devices.get(id);
        if (device === undefined) return;
        device.desired = desired;
        if (device.online) await this.#desire(device, desired);
      },
    };
  }

  async #desire({ deployments }: TestDevice, desired: DesiredState): Promise<void> {
    await deployments.desire(desired).catch((thrown: CutpointError) => this.problems.push(thrown));
  }

  #tell(device: DeviceId): void {
    for (const listener of this.#listeners) listener({ kind: 'reported', device });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { deployments } of this.devices.values()) await deployments[Symbol.asyncDispose]();
    for (const close of this.#closing.reverse()) await close();
  }
}
