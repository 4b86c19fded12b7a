import { X509Certificate } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import { CutpointError } from '@cutpoint/core';
import type { ClientTls, ServerTls } from '@cutpoint/wire';
import type { BrokerOptions } from '../broker/broker.js';
import type { DeviceId, FleetId } from '../ids.js';
import { openStore, type Store } from '../store/store.js';
import { lifetimeMs, type MadeCertificate, openAuthority } from './authority.js';
import { brokerCheck, type Expectation } from './check-peer.js';
import { type DeviceIdentity, loadIdentity, saveIdentity } from './device-identity.js';
import { Identities } from './identities.js';
import { certificateRequest, keyPem, makeKeys } from './keys.js';
import { identityOf } from './names.js';
import { PairingDesk } from './pairing-desk.js';
import { renewalDue } from './renewal.js';

/** Where a fleet is kept. */
export interface FleetFolderOptions {
  /** Where the store, the authority and the server's own key are. */
  readonly folder: string;
  /** Default: the fleet of the folder; `home`, where there is none yet. */
  readonly fleet?: FleetId | undefined;
  readonly nowMs?: () => number;
}

export interface FleetServerOptions extends FleetFolderOptions {
  /** What the server is called. */
  readonly device: DeviceId;
  /** Host names and addresses under which it is reached. */
  readonly hosts: readonly string[];
}

/** What a fleet knows and decides, without a server that listens. */
export interface FleetFolder extends Disposable {
  readonly store: Store;
  readonly identities: Identities;
  readonly desk: PairingDesk;
  /** What the server of this folder is called; undefined where none has started yet. @throws CutpointError CUT_STORE, CUT_USAGE */
  ownDevice(): DeviceId | undefined;
}

/** What a server of a fleet has to identify itself and others. */
export interface FleetServer extends FleetFolder {
  /** For `listen` of the wire: clients must show a certificate of the fleet. */
  listenTls(): ServerTls;
  /** For `connect` of the wire. */
  connectTls(expected?: Expectation): ClientTls;
  /** For HTTPS, where certificates are asked for and not insisted on: devices that pair and people with tokens have none. */
  httpsTls(): ServerOptions;
  /** For a broker that this server connects to. */
  toBrokerTls(): ClientTls;
  /** For its own broker. */
  brokerTls(): NonNullable<BrokerOptions['tls']>;
  /**
   * Makes a new certificate if a third of the lifetime is left, or it is for other hosts than the server has by now; true if
   * listeners have to be given it.
   */
  renewIfDue(hosts: readonly string[]): Promise<boolean>;
}

/**
 * Opens the store and the authority of a fleet, or makes them.
 * @throws CutpointError CUT_STORE, CUT_USAGE, CUT_FILE_WRITE, CUT_FILE_NOT_FOUND
 */
export async function openFleetFolder({ folder, fleet, nowMs }: FleetFolderOptions): Promise<FleetFolder> {
  const store = openStore(folder);
  try {
    const identities = new Identities(store, await openAuthority(folder, fleet), nowMs);
    const desk = new PairingDesk(identities);
    const ownDevice = () => loadIdentity(folder)?.device;
    return { store, identities, desk, ownDevice, [Symbol.dispose]: () => store[Symbol.dispose]() };
  } catch (thrown) {
    store[Symbol.dispose]();
    throw thrown;
  }
}

/**
 * Opens what a server of a fleet needs, and makes what is missing: store, authority, the server's own certificate.
 * @throws CutpointError CUT_STORE, CUT_USAGE, CUT_FILE_WRITE, CUT_FILE_NOT_FOUND, CUT_CERTIFICATE, CUT_PAIRING
 */
export async function openFleetServer(options: FleetServerOptions): Promise<FleetServer> {
  const opened = await openFleetFolder(options);
  const { store, identities } = opened;
  try {
    const { device, hosts } = options;
    requireSameServer(store, device);
    const admit = (request: Uint8Array) => identities.admit({ device, role: 'server', hosts, request });
    let own = currentIdentity(options, store, identities) ?? (await certify(options, identities, admit));
    const withCheck = (expected?: Expectation) => ({
      cert: own.certificate,
      key: own.key,
      ca: own.authority,
      minVersion: 'TLSv1.3' as const,
      check: identities.check(expected),
    });
    return {
      ...opened,
      listenTls: () => ({ ...withCheck(), requireClient: true }),
      connectTls: withCheck,
      httpsTls: () => ({
        cert: own.certificate,
        key: own.key,
        ca: own.authority,
        minVersion: 'TLSv1.3',
        requestCert: true,
        rejectUnauthorized: false,
      }),
      toBrokerTls: () => ({ ...withCheck(), check: brokerCheck(identities.check()) }),
      brokerTls: () => ({
        cert: own.certificate,
        key: own.key,
        ca: own.authority,
        identify: (socket) => identities.identify(socket.getPeerX509Certificate()),
      }),
      async renewIfDue(now) {
        if (!isDue(own, identities) && store.devices.get(device)?.hosts.join() === now.join()) return false;
        const who = identityOf(new X509Certificate(own.certificate));
        // The former one stays good: listeners still show it for a moment.
        own = await certify(options, identities, (request) =>
          who === undefined ? admit(request) : identities.renew(who, request, { hosts: now }),
        );
        return true;
      },
    };
  } catch (thrown) {
    opened[Symbol.dispose]();
    throw thrown;
  }
}

/** A folder is of one server: under another name it would be a second one at the same addresses. */
function requireSameServer(store: Store, device: DeviceId): void {
  const others = store.devices.list().filter((known) => known.role === 'server' && known.state === 'active');
  const own = others.find((known) => known.device === device) ?? others[0];
  if (own === undefined || own.device === device) return;
  const message = `The server of this folder is called ${own.device}, not ${device}: leave out --name or say --name ${own.device}; for another server give another folder.`;
  throw new CutpointError('CUT_USAGE', message);
}

/** The server's certificate, if it is good for longer and for all hosts. */
function currentIdentity(
  { folder, device, hosts }: FleetServerOptions,
  store: Store,
  identities: Identities,
): DeviceIdentity | undefined {
  const own = loadIdentity(folder);
  const known = store.devices.get(device);
  const same = own?.device === device && own.authority === identities.authority && known?.state === 'active';
  if (!same || known.hosts.join() !== hosts.join() || isDue(own, identities)) return undefined;
  return own;
}

function isDue({ issuedAtMs }: DeviceIdentity, identities: Identities): boolean {
  return renewalDue({ ageMs: identities.nowMs() - issuedAtMs, lifetimeMs });
}

async function certify(
  { folder, device }: FleetServerOptions,
  identities: Identities,
  make: (request: Uint8Array) => Promise<MadeCertificate>,
): Promise<DeviceIdentity> {
  const keys = await makeKeys();
  const made = await make(await certificateRequest(keys));
  const identity: DeviceIdentity = {
    version: 1,
    fleet: identities.fleet,
    device,
    role: 'server',
    server: '',
    serverDevice: device,
    key: await keyPem(keys),
    certificate: made.certificate,
    authority: identities.authority,
    lifetimeMs,
    issuedAtMs: made.issuedAtMs,
    receivedAtMs: made.issuedAtMs,
  };
  saveIdentity(folder, identity);
  return identity;
}
