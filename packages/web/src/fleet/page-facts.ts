import type { DeviceFacts, Measured } from '@cutpoint/control/browser';

/** What browsers tell beyond what all of them do. */
interface ToldByChromium {
  readonly deviceMemory?: number;
  readonly userAgentData?: { readonly platform: string; readonly mobile: boolean };
}

/** What this browser is, as far as it tells. */
export async function factsOfPage(version: string): Promise<DeviceFacts> {
  const { deviceMemory = 0, userAgentData } = navigator as ToldByChromium;
  const gpu = await gpuName();
  const system = userAgentData?.platform ?? /\(([^;)]+)/.exec(navigator.userAgent)?.[1] ?? 'unknown';
  return {
    version,
    platform: `browser on ${system}`.slice(0, 200),
    cpuModel: 'not told',
    cores: navigator.hardwareConcurrency,
    memoryBytes: deviceMemory * 2 ** 30,
    browser: { name: browserName(navigator.userAgent), ...(gpu !== undefined && { gpu }) },
  };
}

/** `Chrome 130`, of all that a user agent says. */
export function browserName(userAgent: string): string {
  // The first that fits: most browsers also say that they are those that came before them.
  const [, name, major] = /(Firefox|Edg|OPR|SamsungBrowser|Chrome|Version)\/(\d+)/.exec(order(userAgent)) ?? [];
  const known: Readonly<Record<string, string>> = { Edg: 'Edge', OPR: 'Opera', Version: 'Safari' };
  return name === undefined ? userAgent.slice(0, 60) : `${known[name] ?? name} ${major}`;
}

/** Those that say Chrome as well say their own name behind it. */
function order(userAgent: string): string {
  return userAgent.replace(/(.*)\b((?:Edg|OPR|SamsungBrowser)\/\d+)/, '$2 $1');
}

async function gpuName(): Promise<string | undefined> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (adapter == null) return undefined;
  const { vendor, architecture, description } = adapter.info;
  return [vendor, architecture, description].filter(Boolean).join(' ').slice(0, 200) || 'WebGPU';
}

/** What a page can tell of how it does: most of what daemons measure, browsers keep to themselves, and it is 0. */
export function measurePage(requests: Measured['requests']): Measured {
  const { memory } = performance as { readonly memory?: { readonly usedJSHeapSize: number } };
  return { memoryBytes: memory?.usedJSHeapSize ?? 0, freeMemoryBytes: 0, cpuShare: 0, requests, links: [] };
}
