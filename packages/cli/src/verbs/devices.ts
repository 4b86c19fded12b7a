import { CutpointError, messageOf } from '@cutpoint/core';
import { readTokenFile } from '@cutpoint/daemon';
import { type DeviceView, devicesView } from '@cutpoint/server';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import type { Verb } from '../verb.js';

interface DevicesOptions {
  readonly server: string;
  readonly tokenFile?: string;
  readonly json?: true;
}

const waitMs = 10_000;

/** `cutpoint devices`: who is in the fleet, as its server sees it. */
export const devices: Verb = {
  example: 'cutpoint devices --server http://127.0.0.1:7480',
  configure: (command) =>
    command
      .option('--server <url>', 'the HTTP API of the server, as it shows in its log', 'http://127.0.0.1:7480')
      .option('--token-file <file>', 'file with the token to present')
      .action(async ({ server, tokenFile, json }: DevicesOptions) => {
        const token = tokenFile === undefined ? undefined : await readTokenFile(tokenFile);
        const found = await ask(server, token);
        await printResult(json === true, found, () => devicesText(found.devices));
      }),
};

async function ask(server: string, token: string | undefined): Promise<{ devices: DeviceView[] }> {
  if (!/^https?:\/\//.test(server) || !URL.canParse(server)) {
    throw new CutpointError(
      'CUT_USAGE',
      `--server is "${server}", but must be an address such as http://127.0.0.1:7480.`,
    );
  }
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(new URL('/v1/devices', server), { headers, signal: AbortSignal.timeout(waitMs) }).catch(
    (cause: unknown) => {
      const message = `The server at ${server} does not answer: start it with \`cutpoint serve --fleet FOLDER\`.`;
      throw new CutpointError('CUT_UNREACHABLE', message, { cause });
    },
  );
  if (response.status === 401 || response.status === 403) {
    throw new CutpointError('CUT_UNAUTHORISED', `The server at ${server} wants a token: give --token-file.`);
  }
  if (response.status !== 200) {
    const message = `The server at ${server} has no fleet (status ${response.status}): start it with --fleet.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  const parsed = devicesView.safeParse(await response.json().catch((thrown: unknown) => messageOf(thrown)));
  if (parsed.success) return parsed.data;
  const message = `The server at ${server} does not answer as a server of this version does.`;
  throw new CutpointError('CUT_WIRE_VERSION', message, { cause: parsed.error });
}

function devicesText(found: readonly DeviceView[]): string {
  if (found.length === 0) return 'No device has joined the fleet yet.\n';
  const columns = [
    { name: 'device' },
    { name: 'role' },
    { name: 'status' },
    { name: 'since', align: 'right' as const },
    { name: 'CPU', align: 'right' as const },
    { name: 'memory', align: 'right' as const },
    { name: 'address' },
  ];
  const rows = found.map(({ device, role, status, statusMs, telemetry, addresses }) => [
    device,
    role,
    status,
    durationText(statusMs),
    telemetry === undefined ? '-' : `${Math.round(telemetry.cpuShare * 100)} %`,
    telemetry === undefined ? '-' : `${Math.round(telemetry.memoryBytes / 1e6)} MB`,
    addresses[0] ?? '-',
  ]);
  return table(columns, rows);
}

function durationText(ms: number): string {
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  return ms < 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
