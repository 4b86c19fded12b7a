import { CutpointError } from '@cutpoint/core';
import { OpenResources } from '@cutpoint/daemon';
import type { PlanChoice, Scenario } from '@cutpoint/plan';
import type { DeviceKind } from '../devices/device-messages.js';
import { type Device, startDevice } from '../devices/start-device.js';
import type { Wiring } from './wiring.js';

export interface DeploymentOptions {
  readonly scenario: Scenario;
  /** Path of the model, and of the file that declares its preprocessing. */
  readonly model: string;
  readonly preprocessing: string | undefined;
  /** Folder of the tables that codecs need. */
  readonly codecTables: string | undefined;
  readonly wiring: Wiring;
  readonly signal: AbortSignal;
}

/**
 * The daemons and links of a scenario, each started when a plan first needs it and kept for the plans after it: daemons
 * take any cut, so only who talks to whom decides which are needed.
 */
export class Deployment implements AsyncDisposable {
  readonly notes = new Set<string>();
  readonly #options: DeploymentOptions;
  readonly #opened = new OpenResources();
  /** Addresses by the devices that a request has still to pass, and the agent's number. */
  readonly #servers = new Map<string, Promise<string>>();
  readonly #agents = new Map<string, Promise<string>>();
  readonly #devices: { readonly id: string; readonly device: Device }[] = [];

  constructor(options: DeploymentOptions) {
    this.#options = options;
  }

  /** Addresses of agents that can run the plan, as many as the scenario has; started one after the other. */
  async agentsFor({ devices }: Pick<PlanChoice, 'devices'>): Promise<string[]> {
    const urls: string[] = [];
    for (let agent = 0; agent < this.#options.scenario.load.agents; agent++) {
      urls.push(await remember(this.#agents, `${agent}: ${devices}`, () => this.#startAgent(devices.slice(1))));
    }
    return urls;
  }

  /** Where one device reaches another through the emulated link between them. */
  async linkTo(from: number, to: number): Promise<string> {
    return await this.#linkTo(from, [to]);
  }

  /** Says which device's process has ended, if one has: then what went wrong follows from that. */
  whyBroken(thrown: unknown): unknown {
    const dead = this.#devices.find(({ device }) => !device.running);
    if (dead === undefined) return thrown;
    const said = dead.device.logTail().trim();
    const last = said === '' ? 'It said nothing' : `The last that it said: ${said.split('\n').at(-1)?.trim()}`;
    const message = `The process of ${dead.id} has ended, perhaps for want of memory. ${last}.`;
    return new CutpointError('CUT_CONNECTION_LOST', message, { cause: thrown });
  }

  async #startAgent(rest: readonly number[]): Promise<string> {
    const server = rest.length === 0 ? {} : { server: await this.#linkTo(0, rest) };
    return await this.#start('agent', 0, { ...server, timeoutMs: 600_000, maxInFlight: 256 });
  }

  /** A link of its own to the first of these devices, which hands on to the rest. */
  async #linkTo(from: number, [to = 0, ...rest]: readonly number[]): Promise<string> {
    const target = await remember(this.#servers, String([to, ...rest]), () => this.#startServer(from, to, rest));
    const link = this.#opened.add(await this.#options.wiring.open(from, to, target));
    return link.url;
  }

  async #startServer(from: number, device: number, rest: readonly number[]): Promise<string> {
    const next = rest.length === 0 ? {} : { next: await this.#linkTo(device, rest) };
    return await this.#start('server', device, { ...next, listen: this.#options.wiring.listen(from, device) });
  }

  async #start(kind: DeviceKind, index: number, own: Readonly<Record<string, unknown>>): Promise<string> {
    const { scenario, model, preprocessing, codecTables, signal } = this.#options;
    const device = scenario.devices[index];
    const limit = device?.memoryMB === undefined ? undefined : device.memoryMB * 1e6;
    const settings = {
      model,
      ...(preprocessing === undefined ? {} : { preprocessing }),
      ...(codecTables === undefined ? {} : { codecTables }),
      dim: scenario.dims,
      threads: device?.threads ?? 1,
      slowDown: device?.slowDown ?? 1,
      listen: 'tcp://127.0.0.1:0',
      maxQueue: 1024,
      maxRequests: 1024,
      logLevel: 'warn',
      insecure: this.#options.wiring.beyondLoopback,
      ...own,
    };
    const started: Device = this.#opened.add(
      await startDevice({
        kind,
        settings,
        command: this.#options.wiring.command(index),
        memoryLimitBytes: limit,
        signal,
      }),
    );
    for (const note of started.notes) this.notes.add(note);
    this.#devices.push({ id: device?.id ?? String(index), device: started });
    return started.url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.close();
  }
}

function remember(known: Map<string, Promise<string>>, key: string, start: () => Promise<string>): Promise<string> {
  const url = known.get(key) ?? start();
  known.set(key, url);
  return url;
}
