import type { DeviceId, Peers } from '@cutpoint/control';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { CircuitBreaker, isLoopback, keepDialling, type Log, type ServerConnection } from '@cutpoint/daemon';
import { type ClientTls, connect, type Peer, type Post } from '@cutpoint/wire';

export interface DeviceLinksOptions {
  /** How this device introduces itself. */
  readonly name: string;
  /** Carries tensors through the broker where no direct path exists; without one there are only direct paths. */
  readonly post: Post | undefined;
  /** How a device proves who it is, and this one to it; without it, connections are plain. */
  readonly tlsFor: ((device: DeviceId) => ClientTls) | undefined;
  /** Whether loopback addresses lead to the fleet: only where all of it is on this machine. */
  readonly loopback: boolean;
  /** Why nothing may be sent to a device any more that has shown this certificate; undefined if it may. */
  readonly refusal?: ((device: DeviceId, serial: string | undefined) => CutpointError | undefined) | undefined;
  readonly connectTimeoutMs: number;
  readonly maxBackoffMs: number;
  readonly log: Log;
}

/** How the link to a device does. */
export interface DeviceLinkReport {
  readonly to: DeviceId;
  readonly up: boolean;
  /** The address that it uses, or `mqtt:NAME` through the broker. */
  readonly via: string | undefined;
}

interface DeviceLink {
  readonly connection: ServerConnection;
  /** Settles after the first attempt, whatever came of it. */
  readonly tried: Promise<unknown>;
  readonly breakers: Map<number, CircuitBreaker>;
  via: string | undefined;
}

/** Each further address is tried so long after the one before, while that one has not answered. */
const staggerMs = 250;

/** Links to other devices of the fleet by their names: made when they are first needed, kept, and made anew when lost. */
export class DeviceLinks implements AsyncDisposable {
  readonly #options: DeviceLinksOptions;
  readonly #addresses = new Map<DeviceId, readonly string[]>();
  readonly #links = new Map<DeviceId, DeviceLink>();

  constructor(options: DeviceLinksOptions) {
    this.#options = options;
  }

  /** Where devices are by now; what is known of others stays. A link whose device has moved is made anew. */
  update(devices: Peers['devices']): void {
    for (const { device, addresses } of devices) {
      const usable = addresses.filter((address) => this.#isUsable(address));
      const before = this.#addresses.get(device);
      this.#addresses.set(device, usable);
      const link = this.#links.get(device);
      const moved = before !== undefined && String(before) !== String(usable);
      if (link?.connection.connected && moved && !usable.includes(link.via ?? '')) void link.connection.peer().close();
    }
  }

  /** Ends links to devices that are refused by now, with the requests on them: as after one was revoked. */
  recheck(): void {
    for (const [device, { connection }] of this.#links) {
      const refusal = connection.connected ? this.#refusal(device, connection.peer()) : undefined;
      if (refusal !== undefined) void connection.drop(refusal);
    }
  }

  /** The connection to a device, which is there as soon as it can be. */
  to(device: DeviceId): ServerConnection {
    return this.#link(device).connection;
  }

  /** Whether the server has said where a device is: one that shares a deployment with this one. */
  knows(device: DeviceId): boolean {
    return this.#addresses.has(device);
  }

  /** Waits for the first attempt to reach a device. */
  async tried(device: DeviceId): Promise<void> {
    const link = this.#link(device);
    if (!link.connection.connected) await link.tried;
  }

  /** What is known of the way to a device and `hops` devices in all behind it: a chain may fail where one does not. */
  breaker(device: DeviceId, hops: number): CircuitBreaker {
    const { breakers, connection } = this.#link(device);
    const { log } = this.#options;
    const known = breakers.get(hops);
    if (known !== undefined) return known;
    const breaker = new CircuitBreaker({
      onOpen: (why, again) => {
        if (!again) log.warn({ device, why }, 'left the link');
        // A connection that a cut has interrupted does not come back with the link.
        if (why === 'slow') void connection.renew();
      },
      onClose: () => log.info({ device }, 'the link is used again'),
    });
    breakers.set(hops, breaker);
    return breaker;
  }

  /** The address that leads to a device now. */
  via(device: DeviceId): string | undefined {
    const link = this.#links.get(device);
    return link?.connection.connected ? link.via : undefined;
  }

  report(): readonly DeviceLinkReport[] {
    return [...this.#links].map(([to, { connection, via }]) => ({
      to,
      up: connection.connected,
      via: connection.connected ? via : undefined,
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#links.values()].map(({ connection }) => connection[Symbol.asyncDispose]()));
  }

  #isUsable(address: string): boolean {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined) return false;
    const secure = url.protocol === 'wss:' || url.protocol === 'tcps:';
    return (this.#options.loopback || !isLoopback(url.hostname)) && secure === (this.#options.tlsFor !== undefined);
  }

  #link(device: DeviceId): DeviceLink {
    const known = this.#links.get(device);
    if (known !== undefined) return known;
    const { maxBackoffMs, log } = this.#options;
    const dial = (signal: AbortSignal) => this.#dial(device, signal);
    const check = async (peer: Peer): Promise<void> => {
      const refusal = this.#refusal(device, peer);
      if (refusal !== undefined) throw refusal;
    };
    const { connection, first } = keepDialling({ url: device, dial }, { maxBackoffMs, log, check });
    const link: DeviceLink = { connection, tried: first, breakers: new Map(), via: undefined };
    this.#links.set(device, link);
    return link;
  }

  /** The first of its addresses that answers; through the broker where none does. */
  async #dial(device: DeviceId, signal: AbortSignal): Promise<Peer> {
    const refusal = this.#refusal(device);
    if (refusal !== undefined) throw refusal;
    const addresses = this.#addresses.get(device) ?? [];
    const { post, log } = this.#options;
    try {
      const { peer, address } = await firstOf(addresses, (url, stop) => this.#connect(device, url, stop), signal);
      this.#use(device, address);
      return peer;
    } catch (thrown) {
      const why = asCutpointError(thrown, 'CUT_UNREACHABLE');
      if (post === undefined || signal.aborted || why.code !== 'CUT_UNREACHABLE') throw why;
      const peer = await this.#connect(device, `mqtt:${device}`, signal);
      if (this.#links.get(device)?.via !== `mqtt:${device}`)
        log.warn({ device, why: why.message }, 'no direct path: what crosses goes through the broker, which is slower');
      this.#use(device, `mqtt:${device}`);
      return peer;
    }
  }

  #refusal(device: DeviceId, peer?: Peer): CutpointError | undefined {
    return this.#options.refusal?.(device, peer?.remote.identity?.serial);
  }

  #use(device: DeviceId, address: string): void {
    const link = this.#links.get(device);
    if (link !== undefined) link.via = address;
  }

  #connect(device: DeviceId, url: string, signal: AbortSignal): Promise<Peer> {
    const { name, connectTimeoutMs, post, tlsFor } = this.#options;
    const direct = !url.startsWith('mqtt:');
    return connect({
      url,
      connectTimeoutMs,
      hello: { name, capabilities: [] },
      signal,
      ...(direct && tlsFor !== undefined ? { tls: tlsFor(device) } : {}),
      ...(direct || post === undefined ? {} : { post }),
    });
  }
}

/**
 * Tries addresses in order, each beginning a moment after the one before unless that has failed: after RFC 8305.
 * @throws CutpointError CUT_UNREACHABLE with what each said, or what one said that tells of the device and not of the way.
 */
async function firstOf(
  addresses: readonly string[],
  open: (address: string, signal: AbortSignal) => Promise<Peer>,
  signal: AbortSignal,
): Promise<{ peer: Peer; address: string }> {
  const stop = new AbortController();
  const stopWith = AbortSignal.any([stop.signal, signal]);
  const failures: CutpointError[] = [];
  const found = await new Promise<{ peer: Peer; address: string } | undefined>((resolve) => {
    let next = 0;
    let running = 0;
    let timer: NodeJS.Timeout | undefined;
    const begin = (): void => {
      clearTimeout(timer);
      const address = addresses[next++];
      if (address === undefined || stopWith.aborted) {
        if (running === 0) resolve(undefined);
        return;
      }
      running += 1;
      timer = setTimeout(begin, staggerMs);
      open(address, stopWith).then(
        (peer) => {
          clearTimeout(timer);
          if (stop.signal.aborted) void peer.close();
          else resolve({ peer, address });
          stop.abort();
        },
        (thrown: unknown) => {
          running -= 1;
          failures.push(asCutpointError(thrown, 'CUT_UNREACHABLE'));
          if (!stop.signal.aborted) begin();
        },
      );
    };
    begin();
  });
  if (found !== undefined) return found;
  const telling = failures.find(({ code }) => code !== 'CUT_UNREACHABLE');
  if (telling !== undefined) throw telling;
  const reasons = failures.map(({ message }) => message).join(' ');
  throw new CutpointError('CUT_UNREACHABLE', reasons === '' ? 'No direct address of it is known.' : reasons);
}
