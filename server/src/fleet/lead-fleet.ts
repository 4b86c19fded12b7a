import {
  type Assignment,
  type BrokerConnection,
  type ContentStore,
  type DesiredState,
  type DeviceId,
  Fleet,
  type FleetId,
  PeerBook,
  type Store,
} from '@cutpoint/control';
import { type Log, logProblems, type OpenResources } from '@cutpoint/daemon';
import { Deployer } from '../deploy/deployer.js';

export interface LeadOptions {
  readonly connection: BrokerConnection;
  readonly fleet: FleetId;
  readonly store: Store;
  readonly content: ContentStore;
  /** Where devices fetch files of deployments, once that is known. */
  readonly contentUrls: () => readonly string[];
  /** Signs what a device shall run; undefined where there is no authority. */
  readonly sign: (desired: Omit<DesiredState, 'signature'>, device: DeviceId) => Promise<string | undefined>;
  /** Whether a device was thrown out of the fleet. */
  readonly isRevoked: (device: DeviceId) => boolean;
  /** Throws where the authority has not signed what the broker says that a device shall run. */
  readonly verify?: (desired: DesiredState, device: DeviceId) => void;
  readonly log: Log;
}

/** What leads a fleet: who is there, what they shall run, and where they find one another. */
export interface Lead {
  readonly view: Fleet;
  readonly deployer: Deployer;
  readonly peers: PeerBook;
}

/** Leads a fleet over a connection to its broker until `opened` is closed. */
export function leadFleet(opened: OpenResources, options: LeadOptions): Lead {
  const { connection, fleet, store, content, log } = options;
  const onProblem = logProblems(log);
  let leading: Deployer | undefined;
  const view = opened.add(
    new Fleet(connection, {
      fleet,
      onProblem,
      leasedGeneration: () => leading?.leased,
      newestGeneration: store.deployments.list()[0]?.generation,
      verify: options.verify,
    }),
  );
  logChanges(view, log);
  const { sign, isRevoked } = options;
  const deployer = new Deployer({ fleet: view, records: store.deployments, content, sign, isRevoked, onProblem });
  leading = deployer;
  opened.add(asAsync(deployer));
  const assignments = () => running(view, deployer);
  const peers = new PeerBook(connection, { fleet, view, assignments, content: options.contentUrls, onProblem });
  opened.add(asAsync(peers));
  return { view, deployer, peers };
}

/** What devices run by now, and what they shall: both have to reach one another. */
function* running(view: Fleet, { active }: Deployer): Iterable<readonly [DeviceId, readonly Assignment[]]> {
  yield* active;
  for (const { device } of view.devices()) yield [device, view.desired(device)?.assignments ?? []];
}

function logChanges(view: Fleet, log: Log): void {
  view.watch(({ kind, device }) => {
    const now = view.device(device);
    if (kind === 'status' && now !== undefined) log.info({ device, status: now.status, role: now.role }, 'device');
  });
}

function asAsync(resource: Disposable): AsyncDisposable {
  return { [Symbol.asyncDispose]: async () => resource[Symbol.dispose]() };
}
