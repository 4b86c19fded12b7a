import { type DeviceView, devicesView } from '@cutpoint/server/client';
import { addServerOptions, openServerApi, type ServerOptions } from '../fleet/server-api.js';
import { onInterrupt } from '../interrupt.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import type { Verb } from '../verb.js';

interface DevicesOptions extends ServerOptions {
  readonly json?: true;
}

/** `cutpoint devices`: who is in the fleet, as its server sees it. */
export const devices: Verb = {
  example: 'cutpoint devices --server http://127.0.0.1:7480',
  configure: (command) =>
    addServerOptions(command).action(async ({ json, ...server }: DevicesOptions) => {
      using interrupt = onInterrupt();
      const api = await openServerApi(server, interrupt.signal);
      const found = await api.ask({ method: 'GET', path: '/v1/devices', answer: devicesView });
      await printResult(json === true, found, () => devicesText(found.devices));
    }),
};

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
