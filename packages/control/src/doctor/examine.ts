import { networkInterfaces } from 'node:os';
import { CutpointError, messageOf } from '@cutpoint/core';
import { type Check, fail } from './check.js';
import {
  checkDisk,
  checkInterfaces,
  checkKeys,
  checkMemory,
  checkNode,
  checkRuntime,
  checkVersions,
} from './machine-checks.js';
import {
  aheadOf,
  checkBroker,
  checkCertificate,
  checkClock,
  checkMulticast,
  checkName,
  checkPort,
  type PortAnswer,
} from './network-checks.js';
import { type BrokerProbe, probeBroker } from './probes/broker.js';
import { folderFacts, keyFacts, memoryFacts } from './probes/machine.js';
import { probeMulticast } from './probes/multicast.js';
import { askServer, greet, knock, resolveName, type ServerFacts } from './probes/server.js';

export interface ExamineOptions {
  /** The version of Cutpoint here. */
  readonly version: string;
  /** Loads the runtime; throws why it cannot. */
  readonly loadRuntime: () => Promise<void>;
  /** http, https, ws, wss, tcp, tcps, mqtt or mqtts, with a host. */
  readonly server?: URL | undefined;
  /** Authorities to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  readonly authorityHash?: string | undefined;
  readonly broker?: Omit<BrokerProbe, 'timeoutMs'> | undefined;
  /** Where a daemon keeps its state. */
  readonly folder?: string | undefined;
  /** How long one step may take. */
  readonly timeoutMs?: number;
}

/** Looks at this machine, and at its way to a server and a broker where they are given. Never throws for what it finds. */
export async function examine(options: ExamineOptions): Promise<readonly Check[]> {
  const { server, broker, folder, version, timeoutMs = 3_000 } = options;
  const network = server === undefined ? undefined : await examineServer(server, options, timeoutMs);
  const runtime = await options.loadRuntime().then(() => undefined, messageOf);
  const checks: Check[] = [
    checkNode(process.version),
    checkVersions(version, network?.facts.version),
    checkRuntime(runtime),
    checkMemory(memoryFacts()),
  ];
  if (folder !== undefined) {
    checks.push(checkDisk(await folderFacts(folder)));
    checks.push(
      await keyFacts(folder).then(checkKeys, (thrown: unknown) =>
        fail('keys', `The keys in ${folder} cannot be looked at: ${messageOf(thrown)}.`, 'Run this as their owner.'),
      ),
    );
  }
  checks.push(checkInterfaces(networkInterfaces()), checkMulticast(await probeMulticast()));
  if (network !== undefined) checks.push(...network.checks);
  if (broker !== undefined) checks.push(checkBroker(broker.url, await probeBroker({ ...broker, timeoutMs })));
  return checks;
}

const defaultPorts: Readonly<Record<string, number>> = {
  'http:': 80,
  'ws:': 80,
  'https:': 443,
  'wss:': 443,
  'mqtt:': 1883,
  'mqtts:': 8883,
};
const secureSchemes: ReadonlySet<string> = new Set(['https:', 'wss:', 'tcps:', 'mqtts:']);

/** The steps of reaching a server, in their order; what follows one that failed is not looked at. */
async function examineServer(
  server: URL,
  { ca, authorityHash }: ExamineOptions,
  timeoutMs: number,
): Promise<{ checks: readonly Check[]; facts: ServerFacts }> {
  const host = server.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = portOf(server);
  const facts: ServerFacts = { clock: undefined, version: undefined };
  const resolution = await resolveName(host, timeoutMs);
  const checks = [checkName(host, resolution)];
  if (resolution.kind !== 'found') return { checks, facts };
  const answer = await knockAtAny(resolution.addresses, port, timeoutMs);
  checks.push(checkPort(port, answer));
  if (answer.kind !== 'open') return { checks, facts };
  const tls = await greet({ host, address: answer.address, port, ca, timeoutMs });
  const speaksHttp = /^(http|ws)s?:$/.test(server.protocol);
  const told = speaksHttp ? await askServer(server, timeoutMs) : facts;
  const aheadMs = told.clock === undefined ? 0 : aheadOf(told.clock);
  const secure = secureSchemes.has(server.protocol);
  checks.push(
    checkCertificate(tls, { host, secure, authorityHash, nowMs: Date.now(), aheadMs }),
    checkClock(told.clock),
  );
  return { checks, facts: told };
}

/** A name may have several addresses, of which the first that answers is taken. */
async function knockAtAny(addresses: readonly string[], port: number, timeoutMs: number): Promise<PortAnswer> {
  const answers = await Promise.all(addresses.slice(0, 8).map((address) => knock(address, port, timeoutMs)));
  const best = answers.find(({ kind }) => kind === 'open') ?? answers[0];
  if (best === undefined) throw new CutpointError('CUT_INTERNAL', 'A name was found without an address.');
  return best;
}

function portOf(url: URL): number {
  const port = url.port === '' ? defaultPorts[url.protocol] : Number(url.port);
  if (port !== undefined) return port;
  throw new CutpointError(
    'CUT_USAGE',
    `${url.href} has no port: add one, for example ${url.protocol}//${url.host}:7400.`,
  );
}
