import { join } from 'node:path';
import {
  ContentStore,
  type DeviceId,
  deviceId,
  fleetId,
  newSession,
  openConnection,
  pagePath,
  reachableUrl,
  watchNetwork,
  willOf,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import {
  type Daemon,
  isLoopback,
  type Log,
  logProblems,
  type RecentLines,
  segmentOptionsOf,
  startDaemon,
  stateFolder,
  version,
} from '@cutpoint/daemon';
import { addressesToAnnounce, joinFleet, runCommands } from '@cutpoint/fleet';
import { Uploads } from '../deploy/uploads.js';
import { serveModels } from '../http/serve-models.js';
import { pageFolders } from '../page/page-folders.js';
import { withOffer } from '../page/with-offer.js';
import type { ServerSettings } from '../settings.js';
import { announceServer } from './announce-server.js';
import { contentRoutes } from './content-routes.js';
import { fleetAddresses } from './fleet-addresses.js';
import { fleetAdmin } from './fleet-admin.js';
import { fromHere, openFleetBroker } from './fleet-broker.js';
import { FleetModels } from './fleet-models.js';
import { openFleetSecurity } from './fleet-security.js';
import { leadFleet } from './lead-fleet.js';
import { openPageGate } from './open-page-gate.js';
import { pageDoor } from './page-door.js';
import { PlanJobs } from './plan-jobs.js';
import { tellRevoked } from './tell-revoked.js';

const unpaired = 'Devices are not paired: every program on this machine may join under any name.';

/**
 * Leads a fleet until closed: opens its state, in the folder `server` of this one, a broker (or uses that of `broker`), and the HTTP API.
 * What can be reached from elsewhere is encrypted, and takes devices with certificates of the fleet alone.
 * @throws CutpointError CUT_STORE, CUT_FILE_WRITE, CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE, CUT_CERTIFICATE
 */
export async function startFleetServer(
  settings: ServerSettings,
  state: string,
  { log, recent }: { log: Log; recent?: RecentLines },
): Promise<Daemon> {
  const folder = stateFolder('server', state);
  const named = settings.fleetName === undefined ? undefined : fleetId.parse(settings.fleetName);
  const device = deviceId.parse(settings.name ?? 'server');
  const at = fleetAddresses(settings);
  let announce = async (_url: string): Promise<void> => {};
  const daemon = await startDaemon({ ...settings, listen: at.listen, paired: true }, log, async (opened) => {
    const security = opened.add(await openFleetSecurity({ folder, fleet: named, device, log }));
    const { store, identities } = security.server;
    const { fleet } = identities;
    const content = await ContentStore.open({ folder: join(folder, 'content'), maxBytes: settings.cacheMb * 1e6 });
    const session = newSession();
    const onProblem = logProblems(log);
    const { listensAt, ...address } = await openFleetBroker(settings, { device, at: at.mqtt, security, opened, log });
    const paired = address.url.startsWith('mqtts:');
    const will = willOf(fleet, device, session);
    const { maxBackoffMs, connectTimeoutMs, timeoutMs } = settings;
    const connection = opened.add(openConnection({ ...address, will, maxBackoffMs, connectTimeoutMs, onProblem }));
    const loopback = isLoopback(new URL(connection.url).hostname);
    let httpUrl: string | undefined;
    const contentUrls = () => (httpUrl === undefined ? [] : addressesToAnnounce(httpUrl, { loopback }));
    const isRevoked = (other: DeviceId) => identities.refusal(other, undefined) !== undefined;
    const lead = leadFleet(opened, {
      connection,
      fleet,
      store,
      content,
      contentUrls,
      sign: (desired, to) => security.sign(desired, to),
      isRevoked,
      verify: (desired, to) => security.verify(desired, to),
      log,
    });
    const joined = await joinFleet(opened, {
      connection,
      fleet,
      device,
      session,
      role: 'server',
      leads: true,
      store: content,
      folder: join(folder, 'deployed'),
      remembered: join(folder, 'acting.json'),
      announced: settings.addresses,
      profiles: join(folder, 'profiles'),
      segmentOptions: segmentOptionsOf(settings, log),
      maxInFlight: settings.maxRequests,
      timeoutMs,
      connectTimeoutMs,
      maxBackoffMs,
      tlsFor: paired ? (to) => security.tlsFor(to) : undefined,
      refusal: paired ? (to, serial) => identities.refusal(to, serial) : undefined,
      contentTls: () => security.server.toBrokerTls(),
      verify: async (desired) => security.verify(desired, device),
      onCommand: runCommands({ recent, content: undefined }),
      log,
    });
    const health = () => ({ ...joined.health(), devices: lead.view.devices().length });
    const notes = () => (paired ? [] : [unpaired]);
    const { service, links } = joined;
    security.guard({
      renew: () => {},
      revoked(revoked) {
        links.recheck();
        lead.deployer.throwOut(revoked);
      },
    });
    identities.tellBy((revoked) => tellRevoked(lead.view, revoked, { isRevoked, log }));
    const active = () => lead.deployer.active;
    const isThere = (other: DeviceId) => lead.view.device(other)?.status === 'online';
    const models = new FleetModels({ device, isThere, service, links, active });
    const { view, deployer } = lead;
    const files = opened.add(new Uploads({ content }));
    const scratch = join(folder, 'scratch');
    const { audit } = store;
    const own = { name: fleet, fleet: view, self: device, isRevoked };
    const stop = new AbortController();
    const parts = { ...own, deployer, content, audit, scratch, files, notes, stop: stop.signal, log };
    const addressesOf = (other: DeviceId) => view.device(other)?.addresses ?? [];
    const measuring = { desk: joined.desk, links, addressesOf, contentUrls };
    const kept = { scratch: join(folder, 'profiling'), profiles: join(folder, 'profiles') };
    const plans = opened.add(new PlanJobs({ ...measuring, ...kept, fleet: view, self: device, content, log }));
    const admin = { ...fleetAdmin(parts), plans };
    const extend = contentRoutes(content, log);
    const onLeft = () => {
      // At a stop, what is under way has its grace.
      if (!stop.signal.aborted) void http.recheck();
    };
    const gate = openPageGate({ address, self: device, paired, security, settings, log, onLeft });
    const guard = security.http(at.http.secure);
    const http = await serveModels(at.http.address, settings, {
      guard: { ...guard, verifyToken: async (token) => gate.scopesOf(token) ?? (await guard.verifyToken(token)) },
      models,
      health,
      fleet: admin,
      extend,
      page: {
        folders: pageFolders(log),
        about: { version, fleet: { name: fleet, paired } },
        handler: withOffer(joined.handler, () => ({})),
        name: device,
      },
      upgrades: { [pagePath]: pageDoor({ gate, paired, onRefused: onProblem }) },
      log,
    });
    opened.add(http);
    // Before the door that its connections came through.
    opened.add(gate);
    security.guard({ renew: () => {}, revoked: (revoked) => gate.revoked(revoked) });
    // Before those who wait for it over HTTP are waited for.
    opened.add({
      [Symbol.asyncDispose]: async () => stop.abort(new CutpointError('CUT_CANCELLED', 'The server is shutting down.')),
    });
    security.guard({ renew: (tls) => http.renew(tls), revoked: () => void http.recheck() });
    identities.places.api = fromHere(http.url);
    identities.places.pairing = http.url;
    httpUrl = http.url;
    lead.peers.changed();
    const watching = watchNetwork(() => {
      lead.peers.changed();
      void security.renew();
    });
    opened.add({ [Symbol.asyncDispose]: async () => watching[Symbol.dispose]() });
    const reached = { broker: reachableUrl(listensAt) ?? listensAt, http: reachableUrl(http.url) ?? http.url };
    log.info({ fleet, device, ...reached, folder }, 'fleet');
    for (const note of notes()) log.info(note);
    announce = async (wire) => {
      joined.announce(wire);
      const mqtt = settings.broker === undefined ? address.url : undefined;
      const authority = at.http.secure ? identities.authority : undefined;
      const own = { fleet, device, http: http.url, wire, mqtt, authority };
      if (settings.announce) await announceServer(opened, own, log);
    };
    return { name: 'cutpoint-server', handler: joined.handler, health, fleet: security.wire };
  });
  await announce(daemon.url);
  return daemon;
}
