import { freemem } from 'node:os';
import { join } from 'node:path';
import {
  type BrokerConnection,
  ContentFetcher,
  type ContentStore,
  type ContentTls,
  type DesiredState,
  type DeviceId,
  type FleetId,
  factsOfThisDevice,
  type Member,
  mqttCourier,
  openProcessMeter,
  type Peers,
  type RunCommand,
  type SessionId,
  startMember,
  watchNetwork,
} from '@cutpoint/control';
import {
  addressesOf,
  type HealthReport,
  isLoopback,
  type Log,
  logProblems,
  type OpenResources,
  version,
} from '@cutpoint/daemon';
import type { SegmentOptions } from '@cutpoint/runtime';
import { type ClientTls, listen, openPost, type RequestHandler } from '@cutpoint/wire';
import { deployedHandler } from './deployed-handler.js';
import { DeployedService } from './deployed-service.js';
import { DeviceLinks, type DeviceLinksOptions } from './device-links.js';
import { FleetDeployments } from './fleet-deployments.js';
import { LeaseGate } from './lease-gate.js';
import { measuringHandler } from './measuring-handler.js';
import { addressesToAnnounce } from './own-addresses.js';
import { ProfileDesk } from './profile-desk.js';

export interface JoinOptions {
  /** Its will must be `willOf` the same session. */
  readonly connection: BrokerConnection;
  readonly fleet: FleetId;
  readonly device: DeviceId;
  readonly session: SessionId;
  readonly role: 'agent' | 'server';
  /** It leads the fleet: without it nothing is replaced, so its own requests wait for no lease. */
  readonly leads?: boolean;
  /** Where files of deployments are kept. */
  readonly store: ContentStore;
  /** Where they get their names; what is in it is this device's alone, and goes when it starts. On the file system of `store`. */
  readonly folder: string;
  /** The file that keeps what it acted on last, for a start while the server is away. */
  readonly remembered?: string | undefined;
  /** Addresses with commas between, under which others reach this device, instead of those that it listens on. */
  readonly announced?: string | undefined;
  /** Where profiles of models are kept. Default: the folder `profiles` of this user's cache. */
  readonly profiles?: string | undefined;
  readonly segmentOptions: SegmentOptions;
  readonly maxInFlight: number;
  /** Deadline of a request that comes without one. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxBackoffMs: number;
  /** How other devices are to prove who they are; undefined in a fleet that is not paired. */
  readonly tlsFor?: ((device: DeviceId) => ClientTls) | undefined;
  /** See `DeviceLinksOptions`. */
  readonly refusal?: DeviceLinksOptions['refusal'];
  readonly contentTls?: (() => ContentTls) | undefined;
  /** Throws where what is desired is not signed by the fleet's authority. */
  readonly verify?: ((desired: DesiredState) => Promise<void>) | undefined;
  readonly onCommand: RunCommand;
  readonly log: Log;
}

/** A daemon as a device of its fleet. */
export interface FleetDevice {
  readonly member: Member;
  readonly deployments: FleetDeployments;
  readonly service: DeployedService;
  readonly links: DeviceLinks;
  /** Profiles models on this device. */
  readonly desk: ProfileDesk;
  /** For the wire. */
  readonly handler: RequestHandler;
  /** Tells the fleet where this device listens, and again whenever this machine has other addresses. */
  announce(url: string): void;
  health(): HealthReport;
}

/**
 * Joins a fleet: announces this device, keeps ready what is deployed to it, and does its part in requests, until `opened`
 * is closed. The server may come later, or go and come back.
 * @throws CutpointError CUT_FILE_WRITE
 */
export async function joinFleet(opened: OpenResources, options: JoinOptions): Promise<FleetDevice> {
  const { connection, fleet, device, session, role, folder, log } = options;
  const onProblem = logProblems(log);
  const loopback = isLoopback(new URL(connection.url).hostname);
  const { refusal } = options;
  const refusing = refusal === undefined ? {} : { refusal: (from: DeviceId) => refusal(from, undefined) };
  const post = openPost(mqttCourier(connection, { fleet, device, ...refusing, onRefused: onProblem }), { onProblem });
  opened.add({ [Symbol.asyncDispose]: async () => post.close() });
  const links = opened.add(new DeviceLinks({ ...options, name: device, post, tlsFor: options.tlsFor, loopback }));
  let content: Peers['content'] = [];
  let toProfile: readonly string[] = [];
  const { contentTls, store } = options;
  const fetcher = new ContentFetcher({
    store,
    urls: () => [...new Set([...content, ...toProfile])],
    ...(contentTls === undefined ? {} : { tls: contentTls }),
  });
  const meter = openProcessMeter();
  let member: Member | undefined;
  let service: DeployedService | undefined;
  const deployments = await FleetDeployments.open({
    store,
    fetcher,
    folder,
    ...(options.remembered === undefined ? {} : { remembered: options.remembered }),
    segmentOptions: options.segmentOptions,
    freeMemoryBytes: freemem,
    ...(options.verify === undefined ? {} : { verify: options.verify }),
    warm: async (model, assignment, signal) => await service?.warm(model, assignment, signal),
    onReport: (report) => member?.report(report),
    onProblem,
  });
  opened.add(deployments);
  const gate = new LeaseGate(() => options.leads === true || member?.leased === true);
  opened.add({ [Symbol.asyncDispose]: async () => gate[Symbol.dispose]() });
  const deployed = new DeployedService({ ...options, deployments, links, gate });
  service = deployed;
  const own = startMember(connection, {
    fleet,
    device,
    session,
    role,
    addresses: [],
    facts: factsOfThisDevice(version),
    measure: () => ({
      ...meter(),
      requests: deployed.counts,
      links: links
        .report()
        .map(({ to, up }) => ({ to, up }))
        .slice(0, 64),
    }),
    onDesired: async (desired) => {
      await deployments.desire(desired);
      log.info({ generation: desired.generation, assignments: desired.assignments.length }, 'desired');
    },
    onGeneration: (generation) => deployments.lease(generation),
    onPeers: (peers) => {
      // On another machine, loopback leads to somebody else.
      content = peers.content.filter((url) => loopback || !isLoopback(new URL(url).hostname));
      links.update(peers.devices);
    },
    onCommand: options.onCommand,
    onLease: (held) => log.info({ held }, 'lease'),
    onProblem,
  });
  member = opened.add(own);
  const desk = opened.add(
    new ProfileDesk({
      fetcher,
      onContent: (urls) => {
        toProfile = urls;
      },
      scratch: join(folder, 'profiling'),
      profiles: options.profiles,
      segmentOptions: options.segmentOptions,
      freeMemoryBytes: freemem,
    }),
  );
  const otherwise = deployedHandler({ service: deployed, timeoutMs: options.timeoutMs });
  const handler = measuringHandler({ desk, links, paired: options.tlsFor !== undefined, otherwise });
  opened.add(await listen({ url: `mqtt:${device}`, post, handler, onError: onProblem }));
  const addresses = (url: string) =>
    options.announced === undefined ? addressesToAnnounce(url, { loopback }) : addressesOf(options.announced);
  return {
    member: own,
    deployments,
    service: deployed,
    links,
    desk,
    handler,
    announce(url) {
      own.announce(addresses(url));
      const watching = watchNetwork(() => {
        log.info({ addresses: addresses(url) }, 'this machine has other addresses by now');
        own.announce(addresses(url));
      });
      opened.add({ [Symbol.asyncDispose]: async () => watching[Symbol.dispose]() });
    },
    health: () => healthOf(connection, { member: own, deployments, links, service: deployed }),
  };
}

function healthOf(
  connection: BrokerConnection,
  { member, deployments, links, service }: Pick<FleetDevice, 'member' | 'deployments' | 'links' | 'service'>,
): HealthReport {
  return {
    ready: connection.connected,
    broker: connection.connected ? 'connected' : 'away',
    leased: member.leased,
    generation: deployments.acting,
    deployments: deployments.deployments.map(({ deployment }) => deployment),
    links: links.report(),
    requests: service.counts,
  };
}
