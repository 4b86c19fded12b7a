import { asCutpointError, type CutpointError } from '@cutpoint/core';
import type { BrokerConnection, Delivery } from '../connection/connection.js';
import { type DeviceId, type FleetId, type Generation, type SessionId, sessionId } from '../ids.js';
import {
  command,
  type DesiredState,
  type DeviceFacts,
  desiredState,
  lease,
  type Peers,
  type Presence,
  peers,
  type ReportedState,
  type Telemetry,
} from '../messages.js';
import { type ChannelPayload, readMessage } from '../read-message.js';
import { readTopic, topicOf } from '../topics.js';
import { CommandsOnce, type RunCommand } from './commands-once.js';
import { HeldLease } from './held-lease.js';

export type Measured = Omit<Telemetry, 'session' | 'beat'>;
export type Report = Omit<ReportedState, 'session'>;

export interface MemberOptions {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  /** This run of the daemon; its will has to carry the same. */
  readonly session: SessionId;
  readonly role: 'agent' | 'server';
  readonly addresses: readonly string[];
  readonly facts: DeviceFacts;
  /** What telemetry says besides the beat; called once a second, so it must be cheap. */
  readonly measure: () => Measured;
  /**
   * A newer desired state arrived than any that was taken before. One for which it throws is refused: what was wanted stays.
   * The next waits until it is done.
   */
  readonly onDesired: (desired: DesiredState) => void | Promise<void>;
  /** Where other devices and the files of deployments are by now. */
  readonly onPeers?: (peers: Peers) => void;
  /** Executes a command other than ping. */
  readonly onCommand: RunCommand;
  /** The lease began or ended. */
  readonly onLease?: (held: boolean) => void;
  /** A lease named a newer generation than any before: the one to act on as soon as it is ready. */
  readonly onGeneration?: (generation: Generation) => void;
  readonly onProblem: (error: CutpointError) => void;
  readonly beatMs?: number;
  /** A clock that never goes back, in ms. */
  readonly now?: () => number;
  /** The clock on the wall, in ms: it goes on while the machine sleeps. */
  readonly wallNow?: () => number;
}

/** What a member needs of its connection. */
export type MemberConnection = Pick<BrokerConnection, 'connected' | 'publish' | 'send' | 'subscribe' | 'onUp'>;

/** A daemon as its fleet sees it: it announces itself, beats, and follows what is desired. */
export interface Member extends AsyncDisposable {
  readonly session: SessionId;
  /** True while there is a lease for this generation: only then what was deployed under it may serve others. */
  mayAct(generation: Generation): boolean;
  /** True while there is a lease for the newest generation. */
  readonly leased: boolean;
  /** The newest generation that is desired here, as far as is known. */
  readonly wanted: Generation | undefined;
  /** Publishes what this device reports against what is desired; the last report counts. */
  report(report: Report): void;
  /** Announces other addresses than before. */
  announce(addresses: readonly string[]): void;
}

/** Draws the name of this run. */
export function newSession(): SessionId {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return sessionId.parse([...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
}

/** The last will of a member, for its connection. */
export function willOf(
  fleet: FleetId,
  device: DeviceId,
  session: SessionId,
): { readonly topic: string; readonly message: Presence } {
  return { topic: topicOf(fleet, device, 'presence'), message: { online: false, session } };
}

/** Joins the fleet over a connection whose will is `willOf` the same session, and stays in it until disposed. */
export function startMember(connection: MemberConnection, options: MemberOptions): Member {
  return new BeatingMember(connection, options);
}

/** Reports that follow one another faster are brought together, in ms. */
const reportPauseMs = 200;
/** A clock on the wall that gained more than this at once was put forward, or the machine has slept. */
const longestSleepMs = 1_000;

class BeatingMember implements Member {
  readonly session: SessionId;
  readonly #connection: MemberConnection;
  readonly #options: MemberOptions;
  readonly #now: () => number;
  readonly #wallNow: () => number;
  readonly #lease: HeldLease;
  readonly #commands: CommandsOnce;
  readonly #beats: ReturnType<typeof setInterval>;
  readonly #topics: Readonly<Record<'presence' | 'state' | 'telemetry' | 'reply', string>>;
  #addresses: readonly string[];
  #beat = 0;
  #wanted: Generation | undefined;
  #taking: Promise<void> = Promise.resolve();
  #report: Report = { assignments: [] };
  #reporting: ReturnType<typeof setTimeout> | undefined;
  #wasLeased = false;
  #wallAheadMs: number;
  #closed = false;

  constructor(connection: MemberConnection, options: MemberOptions) {
    const { fleet, device, session, addresses, beatMs = 1_000, now = () => performance.now() } = options;
    this.#wallNow = options.wallNow ?? Date.now;
    this.#wallAheadMs = this.#wallNow() - now();
    this.session = session;
    this.#connection = connection;
    this.#options = options;
    this.#now = now;
    this.#lease = new HeldLease(session);
    this.#commands = new CommandsOnce(async (action, signal) =>
      action.kind === 'ping' ? [] : await options.onCommand(action, signal),
    );
    const topic = (channel: Parameters<typeof topicOf>[2]) => topicOf(fleet, device, channel);
    this.#topics = {
      presence: topic('presence'),
      state: topic('state'),
      telemetry: topic('telemetry'),
      reply: topic('reply'),
    };
    this.#addresses = addresses;
    connection.subscribe([topic('desired'), topic('peers'), topic('lease'), topic('command')], (delivery) =>
      this.#take(delivery),
    );
    connection.onUp(() => this.#join());
    this.#beats = setInterval(() => this.#sendBeat(), beatMs);
  }

  mayAct(generation: Generation): boolean {
    this.#noticeSleep();
    return this.#lease.allows(generation, this.#now());
  }

  get leased(): boolean {
    this.#noticeSleep();
    return this.#now() < this.#lease.endsAtMs;
  }

  get wanted(): Generation | undefined {
    return this.#wanted;
  }

  report(report: Report): void {
    this.#report = report;
    this.#reporting ??= setTimeout(() => {
      this.#reporting = undefined;
      this.#sendReport();
    }, reportPauseMs);
  }

  announce(addresses: readonly string[]): void {
    this.#addresses = addresses;
    this.#sendPresence();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#beats);
    clearTimeout(this.#reporting);
    if (!this.#connection.connected) return;
    const goodbye: Presence = { online: false, session: this.session };
    await this.#publish(this.#topics.presence, goodbye, { retain: true });
  }

  /** The clock that never goes back stands still while a machine sleeps, and with it every lease. */
  #noticeSleep(): void {
    const aheadMs = this.#wallNow() - this.#now();
    const sleptMs = aheadMs - this.#wallAheadMs;
    this.#wallAheadMs = aheadMs;
    if (sleptMs > longestSleepMs) this.#lease.drop();
  }

  #join(): void {
    if (this.#closed) return;
    this.#sendPresence();
    this.#sendReport();
    this.#sendBeat();
  }

  #sendPresence(): void {
    const { role, facts } = this.#options;
    const presence: Presence = { online: true, session: this.session, role, addresses: [...this.#addresses], facts };
    void this.#publish(this.#topics.presence, presence, { retain: true });
  }

  #sendReport(): void {
    const report: ReportedState = { session: this.session, ...this.#report };
    void this.#publish(this.#topics.state, report, { retain: true });
  }

  #sendBeat(): void {
    this.#watchLease();
    if (!this.#connection.connected || this.#closed) return;
    const beat = this.#beat++;
    this.#lease.sent(beat, this.#now());
    const telemetry: Telemetry = { session: this.session, beat, ...this.#options.measure() };
    this.#connection.send(this.#topics.telemetry, telemetry);
  }

  #take({ topic, payload }: Delivery): void {
    const { fleet, device, onProblem } = this.#options;
    const parts = readTopic(topic);
    if (parts?.kind !== 'channel' || parts.fleet !== fleet || parts.device !== device) return;
    const from = { ...parts, payload };
    try {
      if (parts.channel === 'lease') this.#takeLease(from);
      // An empty payload takes back what was retained: what runs stays until something else is desired.
      else if (parts.channel === 'desired' && payload.length > 0) this.#takeDesired(from);
      else if (parts.channel === 'peers' && payload.length > 0) this.#options.onPeers?.(readMessage(peers, from));
      else if (parts.channel === 'command') this.#takeCommand(from);
    } catch (thrown) {
      onProblem(problem(thrown));
    }
  }

  #takeLease(from: ChannelPayload): void {
    const granted = readMessage(lease, from);
    const before = this.#lease.generation;
    if (!this.#lease.take(granted)) return;
    const { generation } = this.#lease;
    if (generation !== undefined && generation !== before) this.#options.onGeneration?.(generation);
    if (granted.announce === true) {
      this.#sendPresence();
      this.#sendReport();
    }
    this.#watchLease();
  }

  #watchLease(): void {
    const { leased } = this;
    if (leased === this.#wasLeased) return;
    this.#wasLeased = leased;
    this.#options.onLease?.(leased);
  }

  #takeDesired(from: ChannelPayload): void {
    const desired = readMessage(desiredState, from);
    this.#taking = this.#taking
      .then(() => this.#want(desired))
      .catch((thrown: unknown) => this.#options.onProblem(problem(thrown)));
  }

  async #want(desired: DesiredState): Promise<void> {
    // The broker repeats what it retains after every reconnect, and may have kept something old.
    if (this.#closed || (this.#wanted !== undefined && desired.generation <= this.#wanted)) return;
    await this.#options.onDesired(desired);
    this.#wanted = desired.generation;
  }

  #takeCommand(from: ChannelPayload): void {
    const given = readMessage(command, from);
    // Meant for an earlier run: whoever gave it learns from the presence that there is a new one.
    if (given.session !== this.session) return;
    void this.#commands.execute(given).then((outcome) => {
      return this.#publish(this.#topics.reply, { id: given.id, session: this.session, outcome });
    });
  }

  /** What could not be published is told; presence and report are published again after the next connect. */
  async #publish(topic: string, message: unknown, { retain = false } = {}): Promise<void> {
    if (!this.#connection.connected) return;
    try {
      await this.#connection.publish(topic, message, { acknowledged: true, retain });
    } catch (thrown) {
      this.#options.onProblem(problem(thrown));
    }
  }
}

function problem(thrown: unknown): CutpointError {
  return asCutpointError(thrown, 'CUT_INTERNAL');
}
