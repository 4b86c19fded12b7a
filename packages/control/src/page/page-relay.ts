import { asCutpointError, CutpointError } from '@cutpoint/core';
import { RateBudget } from '../broker/rate-budget.js';
import type { BrokerConnection, Delivery } from '../connection/connection.js';
import type { DeviceId, FleetId, SessionId } from '../ids.js';
import { type DesiredState, desiredState, maxBytesOf, presence, reply, reportedState, telemetry } from '../messages.js';
import { readMessage } from '../read-message.js';
import { type DeviceChannel, deviceChannels, ownChannels, readTopic, topicOf } from '../topics.js';
import { channelMessage } from './page-messages.js';
import type { PageSocket } from './page-socket.js';

export interface PageRelayOptions {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  readonly session: SessionId;
  /** In the name of the page; its will is that of the session. Closed with the relay. */
  readonly connection: BrokerConnection;
  readonly socket: PageSocket;
  /** Throws where the authority has not signed what the page shall run. */
  readonly verify: ((desired: DesiredState) => void) | undefined;
  /** The page may talk from now on. */
  readonly onUp: () => void;
  /** The connection to the broker is gone: the page has to come again. */
  readonly onDown: () => void;
  readonly onProblem: (error: CutpointError) => void;
}

/** What one page may say: it beats once a second, and answers. */
const messagesPerSecond = 100;
const bytesPerSecond = 1024 * 1024;
/** What may wait for a page that reads slowly. */
const mostWaitingBytes = 4 * 1024 * 1024;

/** Carries the messages of one page between its socket and the broker: its own channels, and no others. */
export class PageRelay {
  readonly #options: PageRelayOptions;
  readonly #messages = new RateBudget(messagesPerSecond, performance.now());
  readonly #bytes = new RateBudget(bytesPerSecond, performance.now());
  #isOnline = false;
  #closed: Promise<void> | undefined;

  constructor(options: PageRelayOptions) {
    this.#options = options;
    const { connection, fleet, device, onUp, onDown } = options;
    const told = deviceChannels.filter((channel) => !ownChannels.includes(channel));
    connection.subscribe(
      told.map((channel) => topicOf(fleet, device, channel)),
      (delivery) => this.#deliver(delivery),
    );
    connection.onUp(onUp);
    connection.onDown(onDown);
  }

  /** The page says something. @throws CutpointError CUT_WIRE_MALFORMED, CUT_WIRE_TOO_LARGE, CUT_OVERLOADED, CUT_FORBIDDEN */
  say(text: string): void {
    const bytes = Buffer.byteLength(text);
    const nowMs = performance.now();
    if (this.#messages.spend(1, nowMs) + this.#bytes.spend(bytes, nowMs) > 1_000) {
      throw new CutpointError('CUT_OVERLOADED', 'The page says more than a device may.');
    }
    const { channel, message: said } = parseSaid(text);
    if (!isOwn(channel)) {
      throw new CutpointError('CUT_FORBIDDEN', `A page may not write to the channel ${channel}: that is the server's.`);
    }
    if (bytes > maxBytesOf[channel] + 256) {
      throw new CutpointError(
        'CUT_WIRE_TOO_LARGE',
        `A message for ${channel} has ${bytes} bytes, but may have ${maxBytesOf[channel]}.`,
      );
    }
    const { success, data: message } = schemas[channel].safeParse(said);
    if (!success) throw malformed();
    const { connection, fleet, device, onProblem } = this.#options;
    const topic = topicOf(fleet, device, channel);
    if ('online' in message) this.#isOnline = message.online;
    if (channel === 'telemetry') connection.send(topic, message);
    else {
      const retain = channel !== 'reply';
      connection
        .publish(topic, message, { acknowledged: true, retain })
        .catch((thrown: unknown) => onProblem(asCutpointError(thrown, 'CUT_INTERNAL')));
    }
  }

  /** Ends it: a page that has not said goodbye is told of as the will of its session would. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { connection, fleet, device, session, onProblem } = this.#options;
    if (this.#isOnline && connection.connected) {
      const gone = { online: false, session };
      await connection
        .publish(topicOf(fleet, device, 'presence'), gone, { acknowledged: true, retain: true })
        .catch((thrown: unknown) => onProblem(asCutpointError(thrown, 'CUT_INTERNAL')));
    }
    await connection[Symbol.asyncDispose]();
  }

  #deliver({ topic, payload, retained }: Delivery): void {
    const parts = readTopic(topic);
    const { device, socket, onProblem, onDown } = this.#options;
    if (this.#closed !== undefined || parts?.kind !== 'channel' || parts.device !== device || payload.length === 0)
      return;
    try {
      if (parts.channel === 'desired') this.#options.verify?.(readMessage(desiredState, { ...parts, payload }));
      const message: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
      socket.send(JSON.stringify({ type: 'channel', channel: parts.channel, retained, message }));
    } catch (thrown) {
      onProblem(asCutpointError(thrown, 'CUT_WIRE_MALFORMED'));
    }
    if (socket.waitingBytes <= mostWaitingBytes) return;
    onProblem(new CutpointError('CUT_CONNECTION_LOST', `The page ${device} reads too slowly: its connection ends.`));
    onDown();
  }
}

/** What a page says on its own channels. */
const schemas = { presence, state: reportedState, telemetry, reply } as const;

function isOwn(channel: DeviceChannel): channel is keyof typeof schemas {
  return Object.hasOwn(schemas, channel);
}

function parseSaid(text: string): { channel: DeviceChannel; message?: unknown } {
  try {
    const { data } = channelMessage.safeParse(JSON.parse(text));
    if (data !== undefined) return data;
  } catch {
    // Told below, as what is no message of a page.
  }
  throw malformed();
}

function malformed(): CutpointError {
  return new CutpointError('CUT_WIRE_MALFORMED', 'The page says what no page of this version does: load it again.');
}
