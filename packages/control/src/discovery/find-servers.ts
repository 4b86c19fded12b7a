import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { Service } from 'bonjour-service';
import { knock, resolveName } from '../doctor/probes/server.js';
import { type Announcement, addressesOf, readTxt, serviceType } from './announcement.js';
import { type MulticastOptions, openMulticastDns } from './multicast-dns.js';

export interface FindOptions extends MulticastOptions {
  /** Addresses that the user gave: they are tried first, and if one answers nothing else is. */
  readonly urls?: readonly string[];
  /** Only servers of this fleet. */
  readonly fleet?: string;
  /** Only servers whose authority has this SHA-256. */
  readonly authority?: string;
  /** How long to listen for announcements. */
  readonly listenMs?: number;
  /** How long one connection may take. */
  readonly connectMs?: number;
  /** Ends the search. */
  readonly signal?: AbortSignal;
}

/** A server that takes connections. What it announces is not proven. */
export interface FoundServer {
  /** `static`: the URL that was given. `mdns`: `http` or, where it names an authority, `https`. */
  readonly source: 'static' | 'mdns';
  readonly url: string;
  readonly announcement?: Announcement;
}

/** One address that was tried, for people: from which interface and with what result. */
export interface Attempt {
  readonly source: 'static' | 'mdns';
  readonly address: string;
  readonly port: number;
  /** The interface that the connection went out from; undefined if there was none. */
  readonly interface: string | undefined;
  readonly result: string;
}

/** More announcements than this are not looked at: anybody can send them. */
const maxAnnouncements = 32;

/**
 * Looks for servers: at static URLs, and if none of them answers by mDNS. Takes no longer than its times together.
 * @throws CutpointError CUT_USAGE for a URL that is none; the signal's reason
 */
export async function findServers(
  options: FindOptions,
): Promise<{ servers: readonly FoundServer[]; tried: readonly Attempt[]; problem?: CutpointError }> {
  const { urls = [], connectMs = 2_000 } = options;
  const tried: Attempt[] = [];
  const given = await Promise.all(urls.map((url) => tryUrl(url, connectMs, tried)));
  const servers = given.flatMap((server) => (server === undefined ? [] : [server]));
  if (servers.length > 0) return { servers, tried };
  const { heard, problem } = await listen(options);
  const found = await Promise.all(heard.map((one) => tryAnnounced(one, connectMs, tried)));
  const there = found.flatMap((server) => (server === undefined ? [] : [server]));
  return { servers: there, tried, ...(problem === undefined ? {} : { problem }) };
}

interface Heard {
  readonly announcement: Announcement;
  readonly addresses: readonly string[];
}

async function listen(options: FindOptions): Promise<{ heard: readonly Heard[]; problem?: CutpointError }> {
  const { fleet, authority, listenMs = 2_000, signal } = options;
  const heard = new Map<string, Heard>();
  let problem: CutpointError | undefined;
  const opened = await openMulticastDns(options, (error) => {
    problem ??= error;
  });
  const hear = ({ txt, referer, addresses }: Service): void => {
    const announcement = readTxt(txt);
    if (announcement === undefined || heard.size >= maxAnnouncements) return;
    if (fleet !== undefined && announcement.fleet !== fleet) return;
    if (authority !== undefined && announcement.authority !== authority) return;
    const key = `${announcement.fleet}/${announcement.device}`;
    // It is heard on each network that both are on, maybe from another address.
    const before = heard.get(key)?.addresses ?? [];
    heard.set(key, { announcement, addresses: addressesOf(referer?.address, [...before, ...(addresses ?? [])]) });
  };
  const browsers = opened.networks.map(({ bonjour }) => bonjour.find({ type: serviceType }, hear));
  try {
    await sleep(listenMs, undefined, { signal });
  } catch {
    throw asCutpointError(signal?.reason, 'CUT_CANCELLED');
  } finally {
    for (const browser of browsers) browser.stop();
    await opened.close();
  }
  return { heard: [...heard.values()], ...(problem === undefined ? {} : { problem }) };
}

/** URLs leave out the port that their scheme has by itself. */
const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'ws:': 80, 'https:': 443, 'wss:': 443 };

async function tryUrl(text: string, connectMs: number, tried: Attempt[]): Promise<FoundServer | undefined> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const port = Number(url?.port || defaultPorts[url?.protocol ?? '']);
  if (url === undefined || url.hostname === '' || Number.isNaN(port)) {
    throw new CutpointError('CUT_USAGE', `${text} is no address of a server: give one such as https://10.0.0.1:7480.`);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const resolution = await resolveName(host, connectMs);
  if (resolution.kind !== 'found') {
    tried.push({ source: 'static', address: host, port, interface: undefined, result: 'its name has no address' });
    return undefined;
  }
  const open = await tryAddresses(resolution.addresses.slice(0, 8), { source: 'static', port, connectMs, tried });
  return open === undefined ? undefined : { source: 'static', url: text };
}

async function tryAnnounced(
  { announcement, addresses }: Heard,
  connectMs: number,
  tried: Attempt[],
): Promise<FoundServer | undefined> {
  const port = announcement.http;
  const address = await tryAddresses(addresses, { source: 'mdns', port, connectMs, tried });
  if (address === undefined) return undefined;
  const scheme = announcement.authority === undefined ? 'http' : 'https';
  const host = address.includes(':') ? `[${address}]` : address;
  return { source: 'mdns', url: `${scheme}://${host}:${port}`, announcement };
}

/** The first of the addresses, in their order, that takes connections; all are tried at once. */
async function tryAddresses(
  addresses: readonly string[],
  { source, port, connectMs, tried }: Pick<Attempt, 'source' | 'port'> & { connectMs: number; tried: Attempt[] },
): Promise<string | undefined> {
  const answers = await Promise.all(addresses.map((address) => knock(address, port, connectMs)));
  for (const answer of answers) {
    const from = answer.kind === 'open' ? interfaceOf(answer.from) : undefined;
    tried.push({ source, address: answer.address, port, interface: from, result: answer.kind });
  }
  return answers.find(({ kind }) => kind === 'open')?.address;
}

/** The name of the interface that has an address. */
function interfaceOf(address: string): string | undefined {
  const has = Object.entries(networkInterfaces()).find(([, list = []]) => list.some((one) => one.address === address));
  return has?.[0];
}
