import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  type BrokerKind,
  brokerConfig,
  brokerKinds,
  type ConfigFile,
  type DeviceId,
  deviceId,
  type FleetId,
  fleetId,
  hostName,
} from '@cutpoint/control';
import { CutpointError, systemReason } from '@cutpoint/core';
import { isLoopback, stateFolder, stateHelp } from '@cutpoint/daemon/client';
import { InvalidArgumentError } from 'commander';
import { certifyBroker } from '../fleet/certify-broker.js';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';

interface BrokerConfigOptions {
  readonly fleetName?: FleetId;
  readonly servers?: readonly DeviceId[];
  readonly port: number;
  readonly out?: string;
  readonly folder?: string;
  readonly host?: readonly string[];
  readonly state?: string;
  readonly json?: true;
}

const folderByDefault = '/etc/cutpoint-broker';
const portByDefault = 8883;

/** `cutpoint broker-config`: what another broker needs to give devices the same rights as the embedded one. */
export const brokerConfigVerb: Verb = {
  example: 'cutpoint broker-config mosquitto --out broker --host broker.lan',
  configure: (command) =>
    command
      .argument('<broker>', brokerKinds.join(' or '), parseKind)
      .option('--out <folder>', 'where to write the files (default: they are printed)')
      .option(
        '--host <names>',
        'names and addresses of the broker, separated by commas: writes a certificate for them too',
        parseHosts,
      )
      .option(
        '--fleet-name <name>',
        'what the fleet is called (default: home, or that of the state folder)',
        parseFleet,
      )
      .option('--servers <names>', 'what its servers are called, separated by commas (default: server)', parseServers)
      .option('--port <number>', 'where the broker listens', parsePositive, portByDefault)
      .option('--folder <path>', `where the files lie on the broker's machine (default: --out, or ${folderByDefault})`)
      .option('--state <folder>', stateHelp)
      .action(run),
};

async function run(kind: BrokerKind, options: BrokerConfigOptions): Promise<void> {
  const {
    servers = [deviceId.parse('server')],
    port,
    out,
    folder = out === undefined ? folderByDefault : resolve(out),
    host: hosts,
    json,
  } = options;
  if (hosts !== undefined && out === undefined)
    throw new CutpointError('CUT_USAGE', '--host makes a key, which is not printed: give --out.');
  using interrupt = onInterrupt();
  const state = stateFolder('server', options.state);
  const certified = hosts === undefined ? undefined : await certifyBroker(state, hosts, interrupt.signal);
  const fleet = options.fleetName ?? certified?.fleet ?? fleetId.parse('home');
  const files = [...brokerConfig(kind, { fleet, servers, port, folder }), ...(certified?.files ?? [])];
  if (out !== undefined) await writeAll(out, files);
  const key = hosts === undefined ? [] : [`chown ${kind} ${folder}/broker.key`];
  const commands = [...key, startOf(kind, folder), serveWith(hosts, port, dirname(state))];
  const shown = out === undefined ? files : files.map(({ name }) => ({ name: join(out, name) }));
  await printResult(json === true, { files: shown, commands }, () =>
    asText(files, commands, { out, certified: hosts !== undefined }),
  );
}

/** How the server is started; beyond this machine, others have to reach it as they reach the broker. */
function serveWith(hosts: readonly string[] | undefined, port: number, state: string): string {
  const lan = hosts?.every(isLoopback) === true ? '' : ' --lan';
  const [folder, host] = hosts === undefined ? ['FOLDER', 'HOST'] : [state, hosts[0]];
  return `cutpoint serve --fleet ${folder}${lan} --broker mqtts://${host}:${port}`;
}

function startOf(kind: BrokerKind, folder: string): string {
  return kind === 'mosquitto'
    ? `mosquitto -c ${folder}/mosquitto.conf`
    : `cat ${folder}/emqx.conf >> /etc/emqx/emqx.conf && emqx restart`;
}

async function writeAll(out: string, files: readonly (ConfigFile & { readonly secret?: true })[]): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    for (const { name, text, secret } of files) {
      const path = join(out, name);
      const mode = secret ? 0o600 : 0o644;
      await writeFile(path, text, { mode });
      await chmod(path, mode); // of one that was there
    }
  } catch (cause) {
    throw new CutpointError('CUT_FILE_WRITE', `The files cannot be written to ${out}: ${systemReason(cause)}.`, {
      cause,
    });
  }
}

function asText(
  files: readonly ConfigFile[],
  commands: readonly string[],
  { out, certified }: { out: string | undefined; certified: boolean },
): string {
  const shown =
    out === undefined
      ? files.map(({ name, text }) => `# ---- ${name}\n${text}\n`)
      : files.map(({ name }) => `wrote ${join(out, name)}\n`);
  const missing = certified
    ? 'The certificate is good for two years: run this again before, and start the broker anew. cutpoint doctor warns.'
    : 'It also needs authority.pem, broker.pem and broker.key beside them: --host makes them.';
  const start = commands.map((command) => `  ${command}\n`).join('');
  const owner = certified ? ' As root it becomes a user of its own, who has to be able to read its key.' : '';
  return `${shown.join('')}\n${missing}\nStart the broker, and the server with it.${owner}\n${start}`;
}

function parseKind(text: string): BrokerKind {
  const kind = brokerKinds.find((one) => one === text);
  if (kind !== undefined) return kind;
  throw new InvalidArgumentError(`Give ${brokerKinds.join(' or ')}.`);
}

function parseFleet(text: string): FleetId {
  const parsed = fleetId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('A name has lowercase letters, digits and dashes.');
}

function parseServers(text: string): readonly DeviceId[] {
  const parsed = deviceId.array().safeParse(text.split(',').map((part) => part.trim()));
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('Give names of servers, separated by commas.');
}

function parseHosts(text: string): readonly string[] {
  const parsed = hostName
    .array()
    .max(16)
    .safeParse(text.split(',').map((part) => part.trim()));
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('Give host names or addresses, separated by commas.');
}
