import {
  brokerTlsOf,
  brokerUrl,
  clientTlsOf,
  type DesiredState,
  type DeviceId,
  type DeviceIdentity,
  keepRenewed,
  revokedError,
  serverTlsOf,
  verifyDeployment,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { type FleetGuard, type Log, logProblems } from '@cutpoint/daemon';
import type { ClientTls, Listener, ServerTls } from '@cutpoint/wire';

export interface DeviceSecurityOptions {
  readonly identity: DeviceIdentity;
  /** Where the identity is kept. */
  readonly folder: string;
  /** A further address for devices of the fleet alone: `wss` or `tcps`. */
  readonly listen?: string | undefined;
  readonly log: Log;
  /** How often the server is asked for news, in ms. */
  readonly everyMs?: number;
}

/** A paired device's certificate while it runs: kept renewed, and what others must not be trusted any more. */
export class DeviceSecurity implements AsyncDisposable {
  readonly #log: Log;
  readonly #listen: string | undefined;
  readonly #stop = new AbortController();
  readonly #kept: Promise<void>;
  readonly #listeners: Listener[] = [];
  readonly #onRevoked: (() => void)[] = [];
  readonly #onMoved: ((url: string, before: string) => void)[] = [];
  readonly #complaints: (error: CutpointError) => void;
  readonly #revoked = new Set<string>();
  readonly #revokedDevices = new Set<DeviceId>();
  #identity: DeviceIdentity;
  #ask = async (): Promise<void> => {};
  #failed = false;
  #isRevoked = false;

  constructor({ identity, folder, listen, log, everyMs }: DeviceSecurityOptions) {
    this.#identity = identity;
    this.#log = log;
    this.#listen = listen;
    this.#complaints = logProblems(log);
    this.#kept = keepRenewed({
      folder,
      identity,
      signal: this.#stop.signal,
      onRenewed: (renewed) => this.#take(renewed),
      onRevoked: (serials, devices) => this.#refuse(serials, devices),
      onError: (error) => this.#complain(error),
      onStart: (ask) => {
        this.#ask = ask;
      },
      ...(everyMs === undefined ? {} : { everyMs }),
    });
  }

  /** For the wire. */
  get wire(): FleetGuard {
    const tls: ServerTls = {
      ...serverTlsOf(this.#identity, this.#revoked),
      check: (shown) => clientTlsOf(this.#identity, this.#revoked).check(shown),
    };
    return { tls, listen: this.#listen, onListening: (listener) => this.#listeners.push(listener) };
  }

  /** For connections to a server of the fleet: its broker, or files of deployments. */
  serverTls(): ClientTls {
    return brokerTlsOf(this.#identity, this.#revoked);
  }

  /** For connections to a device. */
  tlsFor(device: DeviceId): ClientTls {
    return clientTlsOf(this.#identity, this.#revoked, { device });
  }

  /** Why nothing may be sent to a device any more that has shown this certificate; undefined if it may. */
  refusal(device: DeviceId, serial: string | undefined): CutpointError | undefined {
    const isRevoked = this.#revokedDevices.has(device) || (serial !== undefined && this.#revoked.has(serial));
    return isRevoked ? revokedError(device) : undefined;
  }

  /** Calls when the broker of the fleet is elsewhere by now. */
  onMoved(listener: (url: string, before: string) => void): void {
    this.#onMoved.push(listener);
  }

  /** Calls when more is to be refused than before: what is open has to be judged again. */
  onRevoked(listener: () => void): void {
    this.#onRevoked.push(listener);
  }

  /** @throws CutpointError CUT_SIGNATURE if the authority has not signed this for this device */
  async verify(desired: DesiredState): Promise<void> {
    verifyDeployment(desired, this.#identity);
  }

  /** Asks the server for news at once, and resolves when they are known. @throws CutpointError why they are not */
  async check(): Promise<void> {
    await this.#ask();
  }

  /** The server may be back: what failed before is tried again. */
  retry(): void {
    // Why it failed again is logged where it fails.
    if (this.#failed) this.#ask().catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#kept;
  }

  #take(renewed: DeviceIdentity): void {
    const former = this.#identity;
    this.#identity = renewed;
    const [url, before] = [brokerUrl(renewed), brokerUrl(former)];
    if (url !== before) for (const tell of this.#onMoved) tell(url, before);
    if (renewed.certificate === former.certificate) return;
    for (const listener of this.#listeners) listener.renew({ cert: renewed.certificate, key: renewed.key });
    this.#log.info('the certificate of this device was renewed');
  }

  #refuse(serials: readonly string[], devices: readonly DeviceId[]): void {
    this.#failed = false;
    this.#isRevoked = false;
    const more = [replaceAll(this.#revoked, serials), replaceAll(this.#revokedDevices, devices)].includes(true);
    if (!more) return;
    for (const listener of this.#listeners) listener.recheck();
    for (const tell of this.#onRevoked) tell();
    this.#log.info({ revoked: serials.length }, 'told which certificates are revoked');
  }

  #complain(error: CutpointError): void {
    this.#failed = true;
    const { code, message } = error;
    if (code !== 'CUT_REVOKED') {
      this.#complaints(
        new CutpointError(code, `The server gave no news of certificates: ${message}`, { cause: error }),
      );
    } else if (!this.#isRevoked) {
      this.#isRevoked = true;
      this.#log.error({ code }, `This device is revoked, and nobody in the fleet answers it any more: ${message}`);
    }
  }
}

/** Makes a set what is given; true if some of that is new. */
function replaceAll<T>(set: Set<T>, given: readonly T[]): boolean {
  const more = given.some((each) => !set.has(each));
  set.clear();
  for (const each of given) set.add(each);
  return more;
}
