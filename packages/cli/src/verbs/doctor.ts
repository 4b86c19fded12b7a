import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  brokerUrl,
  type Check,
  type DeviceIdentity,
  deviceId,
  examine,
  fleetId,
  loadIdentity,
} from '@cutpoint/control';
import { asCutpointError, CutpointError, errorCodes } from '@cutpoint/core';
import { readAuthorityFile, stateFolder, stateHelp, version } from '@cutpoint/daemon';
import { listProviders } from '@cutpoint/runtime';
import { InvalidArgumentError } from 'commander';
import { parsePositive } from '../options.js';
import { doctorText } from '../output/doctor-text.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';

interface DoctorOptions {
  readonly state?: string;
  readonly ca?: string;
  readonly broker?: string;
  readonly fleet?: string;
  readonly device?: string;
  readonly timeoutMs: number;
  readonly json?: true;
}

/** `cutpoint doctor`: says in words what is wrong here and on the way to a server. */
export const doctor: Verb = {
  example: 'cutpoint doctor https://192.168.1.10:7480',
  configure: (command) =>
    command
      .argument(
        '[url]',
        'the server: http, https, ws, wss, tcp, tcps, mqtt or mqtts (default: the one it paired with)',
        parseUrl,
      )
      .option('--state <folder>', stateHelp)
      .option('--ca <file>', "PEM file with the authority of the server's certificate")
      .option(
        '--broker <url>',
        'MQTT broker whose rights to test, such as mqtt://127.0.0.1:7483 (default: that of the paired fleet)',
      )
      .option('--fleet <name>', 'fleet at the broker, where this device is not paired')
      .option('--device <name>', 'name of this device at the broker, where it is not paired', 'doctor')
      .option('--timeout-ms <number>', 'how long one step may take', parsePositive, 3_000)
      .action(run),
};

async function run(url: string | undefined, options: DoctorOptions): Promise<void> {
  const { ca: caFile, timeoutMs, json } = options;
  const folder = folderOf(options.state);
  const { identity, problem } = readIdentity(folder);
  const address = url ?? identity?.server;
  const ca = caFile === undefined ? identity?.authority : await readAuthorityFile(caFile);
  const found = await examine({
    version,
    loadRuntime: async () => void (await listProviders()),
    server: address === undefined ? undefined : new URL(address),
    ca,
    broker: brokerOf(options, identity),
    folder,
    timeoutMs,
  });
  const unpaired = problem === undefined && address === undefined ? [noServer(folder)] : [];
  const checks = [...(problem === undefined ? [] : [problem]), ...found, ...unpaired];
  await printResult(json === true, { checks }, () => doctorText(checks));
  // The report on stdout is the result; that something failed is told by the status.
  if (checks.some(({ outcome }) => outcome === 'fail')) process.exitCode = errorCodes.CUT_UNREACHABLE.exit;
}

/** The folder of the device, within a state folder; named itself, as `.../device`, it will do as well. */
function folderOf(state: string | undefined): string {
  const isItself = state !== undefined && basename(state) === 'device' && existsSync(join(state, 'identity.json'));
  return isItself ? resolve(state) : stateFolder('device', state);
}

function noServer(folder: string): Check {
  return {
    name: 'server',
    outcome: 'warn',
    sentence: `This device is not paired (${folder}), so no server was looked at.`,
    advice: 'Name one, as in cutpoint doctor https://HOST:7480, or the state folder of a paired device with --state.',
  };
}

function readIdentity(folder: string): { identity?: DeviceIdentity | undefined; problem?: Check } {
  try {
    return { identity: loadIdentity(folder) };
  } catch (thrown) {
    const { message } = asCutpointError(thrown, 'CUT_INTERNAL');
    return { problem: { name: 'identity', outcome: 'fail', sentence: message } };
  }
}

/** The broker that was named, else that of the fleet which this device is paired with. */
function brokerOf({ broker, fleet, device }: DoctorOptions, identity: DeviceIdentity | undefined) {
  if (identity !== undefined) {
    const { authority: ca, certificate: cert, key } = identity;
    const url = broker ?? brokerUrl(identity);
    return { url, fleet: identity.fleet, device: identity.device, tls: () => ({ ca, cert, key }) };
  }
  const url = broker;
  if (url === undefined) return undefined;
  const named = { fleet: fleetId.safeParse(fleet), device: deviceId.safeParse(device) };
  if (named.fleet.success && named.device.success) return { url, fleet: named.fleet.data, device: named.device.data };
  throw new CutpointError('CUT_USAGE', '--broker needs --fleet and --device, or --state of a paired device.');
}

const schemes: ReadonlySet<string> = new Set(['http:', 'https:', 'ws:', 'wss:', 'tcp:', 'tcps:', 'mqtt:', 'mqtts:']);

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && schemes.has(url.protocol) && url.hostname !== '') return text;
  throw new InvalidArgumentError('Give an address such as https://192.168.1.10:7480.');
}
