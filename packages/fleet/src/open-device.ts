import { join } from 'node:path';
import { type BrokerConnection, ContentStore, newSession, openConnection, ownFolder, willOf } from '@cutpoint/control';
import {
  type FleetGuard,
  type Log,
  logProblems,
  type OpenResources,
  type RecentLines,
  segmentOptionsOf,
} from '@cutpoint/daemon';
import { askWhileAway } from './ask-while-away.js';
import { DeviceSecurity } from './device-security.js';
import { type FleetDevice, joinFleet } from './join-fleet.js';
import type { Membership } from './membership.js';
import { runCommands } from './run-command.js';

/** What a daemon was told about the device that it is. */
export type DeviceSettings = Parameters<typeof segmentOptionsOf>[0] & {
  readonly cacheMb: number;
  /** Where others reach this device, if not where it listens. */
  readonly addresses?: string | undefined;
  readonly maxBackoffMs: number;
  readonly connectTimeoutMs: number;
  /** Deadline of a request that comes without one. */
  readonly timeoutMs: number;
};

export interface OpenDeviceOptions {
  readonly membership: Membership;
  readonly role: 'agent' | 'server';
  readonly settings: DeviceSettings;
  readonly maxInFlight: number;
  /** A further address for devices of the fleet alone, where this device is paired: `wss` or `tcps`. */
  readonly listen?: string;
  readonly recent: RecentLines | undefined;
  readonly log: Log;
}

/** A device of a fleet that another daemon leads. */
export interface OpenDevice extends FleetDevice {
  /** For the daemon's listeners; undefined where it is not paired. */
  readonly guard: FleetGuard | undefined;
}

/**
 * Connects to the broker and joins the fleet, until `opened` is closed. A device that is paired says by its certificate who
 * it is. Nobody else may run on its folder meanwhile.
 * @throws CutpointError CUT_STORE if another process runs on its folder, CUT_FILE_WRITE
 */
export async function openDevice(opened: OpenResources, options: OpenDeviceOptions): Promise<OpenDevice> {
  const { membership, role, settings, maxInFlight, listen, recent, log } = options;
  const { url, fleet, device, identity, folder } = membership;
  const { maxBackoffMs, connectTimeoutMs, timeoutMs } = settings;
  const onProblem = logProblems(log);
  // Before anything is touched, there or at the broker: two on one folder would drive one another out.
  const ownership = ownFolder(folder);
  opened.add({ [Symbol.asyncDispose]: async () => ownership[Symbol.dispose]() });
  const session = newSession();
  const security = identity && opened.add(new DeviceSecurity({ identity, folder, listen, log }));
  const reach = { will: willOf(fleet, device, session), maxBackoffMs, connectTimeoutMs, onProblem };
  const tls = security && { tls: () => security.serverTls() };
  const connection = opened.add(openConnection({ url, device, ...reach, ...tls }));
  connection.onUp(() => {
    log.info({ broker: connection.url, fleet, device }, 'joined');
    security?.retry();
  });
  connection.onDown(() => log.warn({ broker: connection.url }, 'lost the broker'));
  if (security === undefined)
    log.info({ broker: url }, `joins without being paired: ${folder} holds no pairing (--state names another folder)`);
  else follow(opened, { security, connection, log });
  const store = await ContentStore.open({ folder: join(folder, 'content'), maxBytes: settings.cacheMb * 1e6 });
  const joined = await joinFleet(opened, {
    ...{ connection, fleet, device, session, role, store, maxInFlight, timeoutMs, connectTimeoutMs, maxBackoffMs, log },
    folder: join(folder, 'deployed'),
    remembered: join(folder, 'acting.json'),
    announced: settings.addresses,
    profiles: join(folder, 'profiles'),
    segmentOptions: segmentOptionsOf(settings, log),
    ...(security && {
      tlsFor: (other) => security.tlsFor(other),
      refusal: (other, serial) => security.refusal(other, serial),
      contentTls: () => security.serverTls(),
      verify: (desired) => security.verify(desired),
    }),
    onCommand: runCommands({ recent, content: store, ...(security && { checkIdentity: () => security.check() }) }),
  });
  security?.onRevoked(() => joined.links.recheck());
  return { ...joined, guard: security?.wire };
}

/** Has a device that is paired ask its server while the broker is away, and go where the server says that it is by now. */
function follow(
  opened: OpenResources,
  { security, connection, log }: { security: DeviceSecurity; connection: BrokerConnection; log: Log },
): void {
  const asking = askWhileAway(connection, () => {
    // Why it failed is logged where it fails.
    security.check().catch(() => undefined);
  });
  opened.add({ [Symbol.asyncDispose]: async () => asking[Symbol.dispose]() });
  security.onMoved((broker, before) => {
    if (connection.url !== before) {
      log.warn(
        { broker, stays: connection.url },
        'the broker of the fleet is elsewhere by now, but this device was sent here',
      );
      return;
    }
    log.info({ broker, before }, 'goes to where the broker of the fleet is by now');
    connection.moveTo(broker);
  });
}
