import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { BrokerConnection, Delivery } from '../connection/connection.js';
import type { DeviceId, FleetId, Generation } from '../ids.js';
import {
  type Command,
  type DesiredState,
  desiredState,
  type Lease,
  presence,
  type ReportedState,
  reply,
  reportedState,
  type Telemetry,
  telemetry,
} from '../messages.js';
import { type ChannelPayload, readMessage } from '../read-message.js';
import { type DeviceChannel, everyDevice, readTopic, retainedChannels, topicOf } from '../topics.js';
import { type CommandOptions, Commands } from './commands.js';
import { DesiredStates } from './desired-states.js';
import {
  cameBack,
  type DeviceRecord,
  type Patience,
  withPresence,
  withReport,
  withTelemetry,
  withTime,
} from './device-record.js';
import { type FleetDevice, fleetDeviceOf } from './fleet-device.js';

/** Something changed: its status or session, what it announces, reports, or shall run. */
export interface FleetChange {
  readonly kind: 'status' | 'announced' | 'reported' | 'desired';
  readonly device: DeviceId;
}

export interface FleetOptions {
  readonly fleet: FleetId;
  /** Hears of malformed messages and the like, for the log. Must not throw. */
  readonly onProblem: (error: CutpointError) => void;
  /** The last generation that was given out, as far as it is stored: one far beyond is not believed. */
  readonly newestGeneration?: Generation | undefined;
  /** Throws where what the broker says that a device shall run is not signed by the fleet's authority. */
  readonly verify?: ((desired: DesiredState, device: DeviceId) => void) | undefined;
  /** How long a lease lasts. */
  readonly leaseMs?: number;
  /**
   * The generation that leases of a device name: what it shall act on, while a newer one that is desired is only being
   * prepared. Where it gives nothing, the newest that is desired.
   */
  readonly leasedGeneration?: (device: DeviceId) => Generation | undefined;
  readonly patience?: Patience;
  /** Devices that are kept in memory; more are not admitted. */
  readonly maxDevices?: number;
  readonly now?: () => number;
}

export const defaultPatience: Patience = { silentAfterMs: 3_500, offlineAfterMs: 60_000 };
const defaultLeaseMs = 5_000;
const sweepMs = 500;
/** After a connect, the broker has delivered what it retains within this. */
const settleMs = 500;

/** The server's view of its fleet: who is there and how they do; it grants leases and says what is desired. */
export class Fleet implements AsyncDisposable {
  readonly #connection: BrokerConnection;
  readonly #options: FleetOptions;
  readonly #patience: Patience;
  readonly #maxDevices: number;
  readonly #leaseMs: number;
  readonly #now: () => number;
  readonly #records = new Map<DeviceId, DeviceRecord>();
  /** Reports that came before the presence of their session, as retained messages may. */
  readonly #early = new Map<DeviceId, ReportedState>();
  readonly #desired: DesiredStates;
  readonly #commands: Commands;
  readonly #watchers = new Set<(change: FleetChange) => void>();
  readonly #sweeper: NodeJS.Timeout;
  #sweptAtMs: number;
  #settling: NodeJS.Timeout | undefined;

  constructor(connection: BrokerConnection, options: FleetOptions) {
    const { fleet, leaseMs = defaultLeaseMs, patience = defaultPatience, maxDevices = 5_000 } = options;
    this.#connection = connection;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#patience = patience;
    this.#maxDevices = maxDevices;
    this.#leaseMs = leaseMs;
    this.#desired = new DesiredStates(maxDevices, options.newestGeneration);
    this.#commands = new Commands(connection, { fleet, onProblem: options.onProblem });
    // First what is desired, so that no lease is granted in ignorance of it.
    const channels: readonly DeviceChannel[] = ['desired', 'presence', 'state', 'reply', 'telemetry'];
    const filters = channels.map((channel) => everyDevice(fleet, channel));
    connection.subscribe(filters, (delivery) => this.#take(delivery));
    connection.onUp(() => this.#settle());
    connection.onDown(() => this.#desired.disconnected());
    this.#sweptAtMs = this.#now();
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
  }

  /** All devices that are known, in the order of their names. */
  devices(): readonly FleetDevice[] {
    return [...this.#records.keys()].sort().flatMap((device) => this.device(device) ?? []);
  }

  device(device: DeviceId): FleetDevice | undefined {
    const record = this.#records.get(device);
    if (record === undefined) return undefined;
    return fleetDeviceOf(record, this.#desired.get(device)?.generation, this.#now());
  }

  /** Calls the listener after each change until disposed. It must not throw. */
  watch(listener: (change: FleetChange) => void): Disposable {
    this.#watchers.add(listener);
    return { [Symbol.dispose]: () => void this.#watchers.delete(listener) };
  }

  /** A generation that nobody has heard of yet, for the next deployment. @throws CutpointError CUT_DEPLOYMENT */
  nextGeneration(): Generation {
    return this.#desired.next();
  }

  /** What a device shall run, as far as is known. */
  desired(device: DeviceId): DesiredState | undefined {
    return this.#desired.get(device);
  }

  /**
   * Says what a device shall run from now on; leases name the new generation at once, unless `leasedGeneration` says
   * another. Resolves when the broker has it; where the connection is away or breaks, it resolves at once, and is
   * published as soon as there is one again.
   * @throws CutpointError CUT_STALE if the generation is not newer than the device's last; CUT_OVERLOADED
   */
  async setDesired(device: DeviceId, desired: DesiredState): Promise<void> {
    this.#desired.set(device, desired);
    this.#tell('desired', device);
    if (!this.#connection.connected) return;
    await this.#publishDesired(device).catch((thrown) => this.#problem(thrown));
  }

  /** Gives all devices that beat their leases anew, as what `leasedGeneration` gives has changed: their next beat is up to a second off. */
  grantAnew(): void {
    for (const [device, record] of this.#records) {
      if (record.status === 'online' && record.telemetry !== undefined) this.#grant(device, record.telemetry, record);
    }
  }

  /**
   * Has a device do something and waits for its answer. It is asked again while it is silent; it does it once.
   * @throws CutpointError CUT_NOT_FOUND if nobody knows it, CUT_UNREACHABLE if it is not there, CUT_DEADLINE, CUT_CANCELLED, CUT_CONNECTION_LOST if it was
   * restarted, CUT_OVERLOADED, and what it answers.
   */
  async command(device: DeviceId, action: Command['action'], options: CommandOptions): Promise<readonly string[]> {
    const record = this.#records.get(device);
    if (record === undefined) {
      const message = `There is no device ${device} in this fleet: \`cutpoint devices\` lists all.`;
      throw new CutpointError('CUT_NOT_FOUND', message);
    }
    if (record.status === 'offline')
      throw new CutpointError('CUT_UNREACHABLE', `The device ${device} is offline; \`cutpoint devices\` lists all.`);
    const { session } = record.announced;
    return await this.#commands.send({ device, session }, action, options);
  }

  /** Forgets a device that will not come back, and what the broker keeps of it. */
  async forget(device: DeviceId): Promise<void> {
    this.#records.delete(device);
    this.#desired.forget(device);
    const { fleet } = this.#options;
    for (const channel of retainedChannels) {
      const nothing = new Uint8Array();
      await this.#connection.publish(topicOf(fleet, device, channel), nothing, { acknowledged: true, retain: true });
    }
    this.#tell('status', device);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    clearTimeout(this.#settling);
    this.#watchers.clear();
    this.#commands.failAll(new CutpointError('CUT_CANCELLED', 'The server stops.'));
  }

  #take({ topic, payload, retained }: Delivery): void {
    const parts = readTopic(topic);
    if (parts?.kind !== 'channel' || parts.fleet !== this.#options.fleet || payload.length === 0) return;
    const from = { ...parts, payload };
    try {
      if (parts.channel === 'telemetry') this.#takeTelemetry(from);
      else if (parts.channel === 'presence') this.#takePresence(from, retained);
      else if (parts.channel === 'state') this.#takeReport(from);
      else if (parts.channel === 'reply') this.#commands.answer(parts.device, readMessage(reply, from));
      else if (parts.channel === 'desired') this.#takeDesired(from);
    } catch (thrown) {
      this.#options.onProblem(asCutpointError(thrown, 'CUT_INTERNAL'));
    }
  }

  #takePresence(from: ChannelPayload, retained: boolean): void {
    const { device } = from;
    const before = this.#records.get(device);
    const heard = readMessage(presence, from);
    if (before === undefined && this.#records.size >= this.#maxDevices) {
      const message = `${device} is not admitted: the fleet has ${this.#maxDevices} devices already; forget some.`;
      throw new CutpointError('CUT_OVERLOADED', message);
    }
    if (heard.online && cameBack(before, heard.session)) {
      const message = `Two daemons run under the name ${device} and drive one another out: pair one of them under another name.`;
      this.#options.onProblem(new CutpointError('CUT_USAGE', message));
    }
    const after = withPresence(before, { device, presence: heard, retained, nowMs: this.#now() });
    if (after === undefined) return;
    const early = this.#early.get(device);
    this.#early.delete(device);
    this.#records.set(device, (early && withReport(after, early)) ?? after);
    if (heard.online) {
      this.#commands.sessionEnded(device, heard.session);
      this.#tell('announced', device);
    }
    this.#tellStatus(before, after);
  }

  #takeTelemetry(from: ChannelPayload): void {
    const { device } = from;
    const heard = readMessage(telemetry, from);
    const before = this.#records.get(device);
    const after = before && withTelemetry(before, heard, this.#now());
    if (after !== undefined) {
      this.#records.set(device, after);
      this.#tellStatus(before, after);
    } else if (before?.announced.session === heard.session) {
      return;
    }
    this.#grant(device, heard, after);
  }

  #grant(device: DeviceId, { session, beat }: Telemetry, known: DeviceRecord | undefined): void {
    const granted: Lease = {
      session,
      beat,
      generation: this.#options.leasedGeneration?.(device) ?? this.#desired.generationOf(device),
      // Whom the fleet does not know gets no lease, and is asked who it is.
      durationMs: known === undefined ? 0 : this.#leaseMs,
      ...(known?.hidden === false ? {} : { announce: true }),
    };
    this.#connection.send(topicOf(this.#options.fleet, device, 'lease'), granted);
  }

  #takeReport(from: ChannelPayload): void {
    const { device } = from;
    const heard = readMessage(reportedState, from);
    this.#desired.reported(device, heard.active);
    this.#desired.reported(device, heard.wanted);
    const before = this.#records.get(device);
    const after = before && withReport(before, heard);
    if (after === undefined) {
      if (this.#early.size < this.#maxDevices) this.#early.set(device, heard);
      return;
    }
    this.#records.set(device, after);
    this.#tell('reported', device);
  }

  #takeDesired(from: ChannelPayload): void {
    const { device } = from;
    const desired = readMessage(desiredState, from);
    this.#options.verify?.(desired, device);
    const outcome = this.#desired.delivered(device, desired);
    if (outcome === 'adopted') this.#tell('desired', device);
    if (outcome === 'outdated') this.#publishDesired(device).catch((thrown) => this.#problem(thrown));
  }

  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      for (const device of this.#desired.missingOnBroker()) {
        this.#publishDesired(device).catch((thrown) => this.#problem(thrown));
      }
    }, settleMs);
  }

  async #publishDesired(device: DeviceId): Promise<void> {
    const desired = this.#desired.get(device);
    if (desired === undefined) return;
    const topic = topicOf(this.#options.fleet, device, 'desired');
    await this.#connection.publish(topic, desired, { acknowledged: true, retain: true });
  }

  #sweep(): void {
    const nowMs = this.#now();
    // A server that was stopped itself has heard nobody meanwhile: that says nothing about the devices.
    const lostMs = Math.max(0, nowMs - this.#sweptAtMs - 2 * sweepMs);
    this.#sweptAtMs = nowMs;
    for (const [device, before] of this.#records) {
      const heard = lostMs === 0 ? before : { ...before, lastHeardMs: Math.min(nowMs, before.lastHeardMs + lostMs) };
      const after = withTime(heard, this.#patience, nowMs);
      if (after === before) continue;
      this.#records.set(device, after);
      this.#tellStatus(before, after);
    }
  }

  #tellStatus(before: DeviceRecord | undefined, after: DeviceRecord): void {
    const same = before?.status === after.status && before.announced.session === after.announced.session;
    if (!same) this.#tell('status', after.device);
  }

  #tell(kind: FleetChange['kind'], device: DeviceId): void {
    for (const watcher of this.#watchers) watcher({ kind, device });
  }

  #problem(thrown: unknown): void {
    this.#options.onProblem(asCutpointError(thrown, 'CUT_INTERNAL'));
  }
}
