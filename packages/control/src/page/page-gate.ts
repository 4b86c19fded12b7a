import { randomBytes } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';
import type { BrokerConnection } from '../connection/connection.js';
import type { Identities } from '../identity/identities.js';
import type { PairingDesk } from '../identity/pairing-desk.js';
import type { DeviceId, FleetId, SessionId } from '../ids.js';
import type { DesiredState } from '../messages.js';
import { networkOf } from '../network-of.js';
import type { Scope } from '../store/tokens.js';
import { type Introduction, proofText } from './page-messages.js';
import { type KnownPage, provePage } from './page-proof.js';
import { PageRelay } from './page-relay.js';
import type { PageSocket, PageSocketEvents } from './page-socket.js';
import { PageVisit } from './page-visit.js';
import { type StandIn, StandIns } from './stand-in.js';

/** A page that was let in, as whoever connects it to the broker has to know it. */
export interface AdmittedPage {
  readonly device: DeviceId;
  readonly session: SessionId;
  /** What proves its name at the broker; undefined where devices are not paired. */
  readonly standIn: StandIn | undefined;
}

export interface PageGateOptions {
  readonly fleet: FleetId;
  /** What the server is called: no page may be. */
  readonly self: DeviceId;
  /** Undefined where devices are not paired. */
  readonly pairing: { readonly identities: Identities; readonly desk: PairingDesk } | undefined;
  /** Connects to the broker in the name of a page. */
  readonly connect: (page: AdmittedPage) => BrokerConnection;
  /** Throws where the authority has not signed what a page shall run. */
  readonly verify?: ((desired: DesiredState, device: DeviceId) => void) | undefined;
  /** A page came or went, for the log. */
  readonly onPage: (device: DeviceId, what: 'joined' | 'left') => void;
  /** Hears who was refused and what went wrong. Must not throw. */
  readonly onProblem: (error: CutpointError, from: string) => void;
  readonly maxPages?: number;
  /** Connections of one network that have not proven who they are. */
  readonly maxStrangers?: number;
  readonly introductionMs?: number;
}

interface OpenPage {
  readonly device: DeviceId;
  readonly token: string;
  readonly relay: PageRelay;
  readonly visit: PageVisit;
}

/** What a page may over HTTP and on the wire: what a certificate of its fleet allows. */
const pagesMay: readonly Scope[] = ['infer', 'read'];

/**
 * Where pages of browsers join the fleet. A page cannot speak MQTT with a certificate, so the server does it for each, in
 * the page's own name, and carries its messages over a WebSocket: to the fleet it is a device like any other.
 */
export class PageGate implements AsyncDisposable {
  readonly #options: PageGateOptions;
  readonly #standIns: StandIns | undefined;
  readonly #pages = new Map<DeviceId, OpenPage>();
  readonly #visits = new Set<PageVisit>();
  readonly #strangers = new Set<PageVisit>();
  #closed = false;

  constructor(options: PageGateOptions) {
    this.#options = options;
    if (options.pairing !== undefined) this.#standIns = new StandIns(options.pairing.identities);
  }

  /** Takes a connection of a page that was loaded from this server: whoever opened it has made sure of that. */
  take(socket: PageSocket, from: string): PageSocketEvents {
    const visit = new PageVisit(socket, from, {
      greet: (own) => this.#greet(own),
      onIntroduced: async (own, said) => {
        const take = await this.#admit(own, said);
        this.#strangers.delete(own);
        return take;
      },
      onEnded: (own) => {
        this.#strangers.delete(own);
        this.#visits.delete(own);
        this.#leave(own);
      },
      onProblem: (error) => this.#options.onProblem(error, from),
      introductionMs: this.#options.introductionMs ?? 10_000,
    });
    this.#strangers.add(visit);
    this.#visits.add(visit);
    if (this.#closed) visit.refuse(tooMany());
    else visit.begin();
    this.#dropStranger(networkOf(from));
    return visit;
  }

  /** Who says nothing keeps nobody out, neither in another network nor in its own: the one that was silent longest makes room. */
  #dropStranger(network: string): void {
    const strangers = [...this.#strangers].filter(({ from }) => networkOf(from) === network);
    if (strangers.length <= (this.#options.maxStrangers ?? 16)) return;
    const dropped = strangers.find(({ silent }) => silent) ?? strangers.at(-1);
    dropped?.refuse(tooMany());
  }

  /** What the token of a page that is there allows; undefined for any other. */
  scopesOf(token: string): readonly Scope[] | undefined {
    return this.holderOf(token) === undefined ? undefined : pagesMay;
  }

  /** Which page has this token. */
  holderOf(token: string): DeviceId | undefined {
    return [...this.#pages.values()].find((page) => page.token === token)?.device;
  }

  /** A device was thrown out: it is told, and its connection ends. */
  revoked(device: DeviceId): void {
    this.#standIns?.forget(device);
    this.#pages
      .get(device)
      ?.visit.refuse(new CutpointError('CUT_REVOKED', `${device} was revoked: pair it again, if it may.`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const left = [...this.#pages.values()].map(({ relay }) => relay);
    const over = new CutpointError('CUT_CANCELLED', 'The server is shutting down; the page comes back by itself.');
    for (const visit of [...this.#visits]) visit.refuse(over);
    await Promise.all(left.map((relay) => relay.close()));
  }

  #greet(visit: PageVisit): void {
    const { fleet, pairing } = this.#options;
    visit.say({ type: 'challenge', fleet, nonce: visit.nonce, paired: pairing !== undefined });
  }

  async #admit(visit: PageVisit, said: Introduction): Promise<(text: string) => void> {
    const { fleet, connect, verify, onPage, maxPages = 256 } = this.#options;
    const known = await this.#prove(visit, said);
    const { device } = known;
    const standIn = known.identity && (await this.#standIns?.of(known.identity));
    // Of two that come at the same moment, the later one stays.
    for (let former = this.#pages.get(device); former !== undefined; former = this.#pages.get(device))
      await replace(former);
    if (this.#pages.size >= maxPages)
      throw new CutpointError('CUT_OVERLOADED', `${maxPages} pages are there already; it is tried again.`);
    const { session } = said;
    const token = `page_${randomBytes(32).toString('base64url')}`;
    const relay = new PageRelay({
      ...{ fleet, device, session, socket: visit.socket },
      connection: connect({ device, session, standIn }),
      verify: verify && ((desired) => verify(desired, device)),
      onUp: () => {
        const certificate = known.certificate === undefined ? {} : { certificate: known.certificate };
        visit.say({ type: 'welcome', fleet, device, token, ...certificate });
        onPage(device, 'joined');
      },
      onDown: () =>
        visit.refuse(new CutpointError('CUT_UNREACHABLE', 'The broker of the fleet is away; it is tried again.')),
      onProblem: visit.onProblem,
    });
    this.#pages.set(device, { device, token, relay, visit });
    if (visit.ended) this.#leave(visit);
    return (text) => relay.say(text);
  }

  async #prove(visit: PageVisit, said: Introduction): Promise<Partial<KnownPage> & Pick<KnownPage, 'device'>> {
    const { pairing, self, fleet } = this.#options;
    if (said.type !== 'name') {
      if (pairing === undefined)
        throw new CutpointError('CUT_PAIRING', 'Devices of this fleet are not paired: a page gives its name alone.');
      const text = proofText({ fleet, nonce: visit.nonce }, said.session);
      return await provePage(said, { ...pairing, text, from: visit.from });
    }
    if (pairing !== undefined)
      throw new CutpointError('CUT_UNPAIRED', 'This page is not paired. A code: cutpoint pair --new, on the server.');
    if (said.name === self)
      throw new CutpointError('CUT_PAIRING', `${self} is what the server is called: choose another name.`);
    return { device: said.name };
  }

  #leave(visit: PageVisit): void {
    for (const page of this.#pages.values()) {
      if (page.visit !== visit) continue;
      this.#pages.delete(page.device);
      this.#options.onPage(page.device, 'left');
      void page.relay.close();
    }
  }
}

function tooMany(): CutpointError {
  return new CutpointError('CUT_OVERLOADED', 'Too many pages join at once; it is tried again.');
}

/** One connection for each page: the newest, as a page that lost its old one comes back before the server knows. */
async function replace({ device, visit, relay }: OpenPage): Promise<void> {
  const message = `${device} has joined from another tab or window.`;
  visit.refuse(new CutpointError('CUT_CONNECTION_LOST', message), { final: true });
  await relay.close();
}
