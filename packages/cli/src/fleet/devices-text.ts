import { isLoopback } from '@cutpoint/daemon/client';
import type { DeviceView } from '@cutpoint/server/client';
import { table } from '../output/table.js';

/** The devices of a fleet as a person reads them. */
export function devicesText(found: readonly DeviceView[]): string {
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
  const rows = found.map(({ device, role, status, statusMs, telemetry, addresses, facts }) => {
    // What it said last is no news of one that is away.
    const now = status === 'online' ? telemetry : undefined;
    return [
      device,
      role,
      statusWords[status],
      durationText(statusMs),
      now === undefined ? '-' : `${Math.round(now.cpuShare * 100)} %`,
      now === undefined ? '-' : `${Math.round(now.memoryBytes / 1e6)} MB`,
      addressForOthers(addresses) ?? pageText(facts.browser) ?? '-',
    ];
  });
  return table(columns, rows);
}

/** A page has no address: nobody can connect to it. */
function pageText(browser: DeviceView['facts']['browser']): string | undefined {
  if (browser === undefined) return undefined;
  return `a page in ${browser.name}, ${browser.gpu === undefined ? 'without WebGPU' : `WebGPU on ${browser.gpu}`}`;
}

/** As `cutpoint status` counts them: whoever is not online is away. */
const statusWords: Readonly<Record<DeviceView['status'], string>> = {
  online: 'online',
  silent: 'away (silent)',
  offline: 'away',
  revoked: 'revoked',
};

/** Loopback leads elsewhere to somebody else: it is shown where there is nothing else. */
function addressForOthers(addresses: readonly string[]): string | undefined {
  return addresses.find((address) => URL.canParse(address) && !isLoopback(new URL(address).hostname)) ?? addresses[0];
}

function durationText(ms: number): string {
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  return ms < 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
