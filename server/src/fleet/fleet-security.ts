import {
  type DesiredState,
  type DeviceId,
  type FleetId,
  type FleetServer,
  holderOfToken,
  identityHandler,
  listenLocally,
  openFleetServer,
  ownHosts,
  verifyDeployment,
} from '@cutpoint/control';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { type FleetGuard, type Log, logProblems } from '@cutpoint/daemon';
import type { HttpGuard } from '@cutpoint/http';
import type { ClientTls, ServerTls } from '@cutpoint/wire';

export interface FleetSecurityOptions {
  /** The server's state: store, authority, its own key. */
  readonly folder: string;
  /** Default: the fleet of the folder. */
  readonly fleet?: FleetId | undefined;
  readonly device: DeviceId;
  readonly log: Log;
  readonly nowMs?: () => number;
}

/** What shows the server's certificate, or is connected to devices by theirs. */
export interface Guarded {
  /** Another certificate is to be shown from now on. */
  readonly renew: (tls: ServerTls) => void;
  /** Nothing of this device may stay open. */
  readonly revoked?: (device: DeviceId) => void;
}

/** Who is in the fleet, and how its server proves who it is: its certificates, tokens and signatures, while it runs. */
export interface FleetSecurity extends AsyncDisposable {
  readonly server: FleetServer;
  /** For the wire. */
  readonly wire: FleetGuard;
  /** For the HTTP API, encrypted or plain. */
  http(secure: boolean): HttpGuard;
  /** For connections to a device. */
  tlsFor(device: DeviceId): ClientTls;
  /** For `Deployer`. */
  sign(desired: Omit<DesiredState, 'signature'>, device: DeviceId): Promise<string>;
  /** @throws CutpointError CUT_SIGNATURE if the authority has not signed this for this device */
  verify(desired: DesiredState, device: DeviceId): void;
  /** Keeps something told of renewals and revocations until it is closed. */
  guard(guarded: Guarded): void;
  /** As happens once a day, and whenever this machine has other addresses. */
  renew(): Promise<void>;
}

const renewEveryMs = 24 * 60 * 60_000;
/** What a certificate of the fleet allows over HTTP: what devices do for one another. */
const devicesMay = ['infer', 'read'] as const;

/**
 * Opens, or makes, what a fleet knows of its members, and lets the verbs of its owner reach it.
 * @throws CutpointError CUT_STORE, CUT_USAGE, CUT_FILE_WRITE, CUT_FILE_NOT_FOUND, CUT_CERTIFICATE, CUT_PAIRING, CUT_BIND
 */
export async function openFleetSecurity(options: FleetSecurityOptions): Promise<FleetSecurity> {
  const { folder, fleet, device } = options;
  const server = await openFleetServer({
    ...{ folder, fleet, device, hosts: ownHosts() },
    ...(options.nowMs === undefined ? {} : { nowMs: options.nowMs }),
  });
  try {
    return new OpenSecurity(server, options, await listenLocally(folder, server));
  } catch (thrown) {
    server[Symbol.dispose]();
    throw thrown;
  }
}

class OpenSecurity implements FleetSecurity {
  readonly server: FleetServer;
  readonly #log: Log;
  readonly #refused: (error: CutpointError) => void;
  readonly #local: AsyncDisposable;
  readonly #guarded: Guarded[] = [];
  readonly #revocations: Disposable;
  readonly #renewals: NodeJS.Timeout;
  #closed: Promise<void> | undefined;

  constructor(server: FleetServer, { log }: FleetSecurityOptions, local: AsyncDisposable) {
    this.server = server;
    this.#log = log;
    this.#refused = logProblems(log);
    this.#local = local;
    this.#revocations = server.identities.onRevoked((revoked) => {
      log.warn({ device: revoked }, 'revoked: its connections end');
      for (const guarded of this.#guarded) guarded.revoked?.(revoked);
    });
    this.#renewals = setInterval(() => void this.renew(), renewEveryMs);
  }

  get wire(): FleetGuard {
    return {
      tls: this.server.listenTls(),
      onListening: (listener) =>
        this.guard({ renew: (tls) => listener.renew(tls), revoked: () => void listener.recheck() }),
    };
  }

  http(secure: boolean): HttpGuard {
    const { store, identities, desk } = this.server;
    return {
      tls: secure ? this.server.listenTls() : undefined,
      intercept: identityHandler(identities, desk),
      verifyToken: (token) => this.#known('token', () => holderOfToken(store, token, identities.nowMs()).scopes),
      verifyCertificate: (certificate) =>
        this.#known('certificate', () => ({ name: identities.identify(certificate).device, scopes: devicesMay })),
    };
  }

  tlsFor(device: DeviceId): ClientTls {
    return this.server.connectTls({ device });
  }

  sign(desired: Omit<DesiredState, 'signature'>, device: DeviceId): Promise<string> {
    return this.server.identities.signDeployment(device, desired);
  }

  verify(desired: DesiredState, device: DeviceId): void {
    const { fleet, authority } = this.server.identities;
    verifyDeployment(desired, { fleet, device, authority });
  }

  guard(guarded: Guarded): void {
    this.#guarded.push(guarded);
  }

  async renew(): Promise<void> {
    try {
      if (!(await this.server.renewIfDue(ownHosts()))) return;
      for (const guarded of this.#guarded) guarded.renew(this.server.listenTls());
      this.#log.info('the certificate of this server was renewed');
    } catch (thrown) {
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      this.#log.warn({ code }, `The certificate of this server was not renewed: ${message}`);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#renewals);
    this.#revocations[Symbol.dispose]();
    await this.#local[Symbol.asyncDispose]();
    this.server[Symbol.dispose]();
  }

  /** Who is refused is told nothing; the log says why. */
  async #known<T>(what: 'token' | 'certificate', look: () => T): Promise<T | undefined> {
    try {
      return look();
    } catch (thrown) {
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      this.#refused(new CutpointError(code, `A ${what} was refused: ${message}`));
      return undefined;
    }
  }
}
