import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askLocally, type DeviceId, deviceId, pairDevice, saveIdentity } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { OpenResources, stateFolder } from '@cutpoint/daemon';
import type { MadeCode } from '../fleet/answer-and-wait.js';
import { type DaemonProcess, startDaemonProcess } from '../run/daemon-process.js';

/** The agents of the demo: where requests begin, which computes the rest, and which stands in for it. */
export const demoDevices = {
  first: deviceId.parse('pi-1'),
  second: deviceId.parse('pi-2'),
  spare: deviceId.parse('pi-3'),
};

/** A server and its agents on this machine, each a process, paired, speaking by TLS with their certificates. */
export interface LocalFleet extends AsyncDisposable {
  /** The server's HTTP API, and the file with the authority of its certificate. */
  readonly api: string;
  readonly ca: string;
  readonly serverPid: number;
  agent(device: DeviceId): DaemonProcess;
  /** Starts an agent that was killed once more. */
  restart(device: DeviceId): Promise<void>;
}

const loopback = ['--listen', 'ws://127.0.0.1:0', '--log-format', 'json', '--log-level', 'info'];

/**
 * Starts a server and these agents on free ports of loopback, with their state in a folder, and pairs them with codes.
 * @throws CutpointError what any of it says if it fails; nothing is left running then
 */
export async function startFleet(
  folder: string,
  devices: readonly DeviceId[],
  signal: AbortSignal,
): Promise<LocalFleet> {
  const opened = new OpenResources();
  try {
    const { server, api } = await startServer(folder, signal);
    opened.add(server);
    const ca = join(folder, 'authority.pem');
    for (const device of devices) await writeFile(ca, await pair(folder, api, device, signal));
    const agents = new Map<DeviceId, DaemonProcess>();
    const start = async (device: DeviceId) => {
      agents.set(device, opened.add(await startAgent(folder, device, signal)));
    };
    // All of them, also where one fails: nothing may be left that still writes to the folder.
    const started = await Promise.allSettled(devices.map(start));
    const failed = started.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return {
      api,
      ca,
      serverPid: server.pid,
      agent: (device) => known(agents.get(device), device),
      restart: start,
      [Symbol.asyncDispose]: () => opened.close(),
    };
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

async function startServer(folder: string, signal: AbortSignal): Promise<{ server: DaemonProcess; api: string }> {
  const tls = ['--listen', 'wss://127.0.0.1:0', '--mqtt', 'mqtts://127.0.0.1:0', '--http', 'https://127.0.0.1:0'];
  let api: string | undefined;
  const server = await startDaemonProcess({
    verb: 'serve',
    args: ['--fleet', folder, '--fleet-name', 'demo', ...loopback.slice(2), ...tls],
    signal,
    onLog: (line) => {
      api ??= /"url":"(https:[^"]+)".*"msg":"http"/.exec(line)?.[1];
    },
  });
  if (api !== undefined) return { server, api };
  await server[Symbol.asyncDispose]();
  throw new CutpointError('CUT_INTERNAL', 'The server did not say where its HTTP API is.');
}

/** What `cutpoint pair --new` does on the server and `cutpoint pair` on the device. Gives the authority's certificate. */
async function pair(folder: string, url: string, device: DeviceId, signal: AbortSignal): Promise<string> {
  const made = await askLocally(stateFolder('server', folder), { action: 'offer', device }, signal);
  if (made === undefined) throw new CutpointError('CUT_UNREACHABLE', 'The server of the demo is gone.');
  const { identity } = await pairDevice({ url, code: (made as MadeCode).code, name: device, signal });
  saveIdentity(stateFolder('device', join(folder, device)), identity);
  return identity.authority;
}

function startAgent(folder: string, device: DeviceId, signal: AbortSignal): Promise<DaemonProcess> {
  const args = ['--fleet', '--state', join(folder, device), '--fleet-listen', 'wss://127.0.0.1:0', ...loopback];
  return startDaemonProcess({ verb: 'agent', args, signal, onLog: () => {} });
}

function known(agent: DaemonProcess | undefined, device: DeviceId): DaemonProcess {
  if (agent !== undefined) return agent;
  throw new CutpointError('CUT_INTERNAL', `${device} was not started.`);
}
