import type { NetworkInterfaceInfo } from 'node:os';
import { bytesInWords, type Check, fail, ok, warn } from './check.js';

const oldestNode = 20;

/** `version` as `process.version` says it: `v20.11.0`. */
export function checkNode(version: string): Check {
  const major = Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);
  if (major >= oldestNode) return ok('node', `Node ${version} runs this.`);
  return fail('node', `Node ${version} is too old.`, `Install Node ${oldestNode} or newer.`);
}

/** `there` is undefined where the server did not say. */
export function checkVersions(here: string, there: string | undefined): Check {
  if (there === undefined) return ok('cutpoint', `Cutpoint ${here} is installed here.`);
  if (here === there) return ok('cutpoint', `Cutpoint ${here} is installed here and on the server.`);
  const advice = 'Install the same version on both, the server first.';
  return warn('cutpoint', `Cutpoint ${here} is installed here, but ${there} on the server.`, advice);
}

/** `problem` is why the runtime could not be loaded; undefined if it was. */
export function checkRuntime(problem: string | undefined): Check {
  if (problem === undefined) return ok('runtime', 'onnxruntime loads.');
  const advice = 'Install Cutpoint again for this platform; onnxruntime needs 64-bit Linux (glibc), macOS or Windows.';
  return fail('runtime', `onnxruntime does not load: ${problem}.`, advice);
}

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Interfaces that software makes, by how they are called. */
const madeBySoftware: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^(docker|br-[0-9a-f]|veth|cni|flannel|podman)/, 'of containers'],
  [/^(virbr|vmnet|vboxnet|vnet)/, 'of virtual machines'],
  [/^(tun|tap|wg|tailscale|zt|utun|ppp|ipsec)/, 'of a VPN'],
];

/** What an interface is for, if its name gives away that software made it. */
export function madeFor(name: string): string | undefined {
  return madeBySoftware.find(([pattern]) => pattern.test(name))?.[1];
}

/** `interfaces` as `os.networkInterfaces()` lists them: those that are up and have an address. */
export function checkInterfaces(interfaces: Interfaces): Check {
  const up = Object.entries(interfaces).flatMap(([name, addresses = []]) => {
    const outside = addresses.filter(({ internal }) => !internal).map(({ address }) => address);
    return outside.length === 0 ? [] : [{ name, outside, made: madeFor(name) }];
  });
  if (up.length === 0) {
    const advice = 'Plug in the cable or join the network; `ip address` lists what there is.';
    return warn('interfaces', 'No interface but loopback is up: only this machine can be reached.', advice);
  }
  const list = up.map(({ name, outside, made }) => {
    return `${name}${made === undefined ? '' : ` (${made})`} ${outside.join(', ')}`;
  });
  const sentence = `Up: ${list.join('; ')}.`;
  if (up.some(({ made }) => made === undefined)) return ok('interfaces', sentence);
  return warn('interfaces', sentence, 'No interface of the machine itself is up; check cable or Wi-Fi.');
}

const scarceMemoryBytes = 256e6;
const tooLittleMemoryBytes = 64e6;

export function checkMemory({ freeBytes, totalBytes }: { freeBytes: number; totalBytes: number }): Check {
  const sentence = `${bytesInWords(freeBytes)} of ${bytesInWords(totalBytes)} memory are free.`;
  const advice = 'Stop other programs, or let smaller segments run here.';
  if (freeBytes < tooLittleMemoryBytes) return fail('memory', sentence, advice);
  return freeBytes < scarceMemoryBytes ? warn('memory', sentence, advice) : ok('memory', sentence);
}

/** What is known of the folder in which a daemon keeps its state. */
export interface FolderFacts {
  readonly folder: string;
  readonly freeBytes: number;
  /** Why nothing can be written there; undefined if it can. */
  readonly problem: string | undefined;
}

const scarceDiskBytes = 1e9;
const tooLittleDiskBytes = 50e6;

export function checkDisk({ folder, freeBytes, problem }: FolderFacts): Check {
  if (problem !== undefined) {
    const advice = 'Give the user that runs the daemon the right to write there, or choose another folder.';
    return fail('disk', `${folder} cannot be written: ${problem}.`, advice);
  }
  const sentence = `${bytesInWords(freeBytes)} are free at ${folder}.`;
  const advice = 'Make room: segments of models are kept there.';
  if (freeBytes < tooLittleDiskBytes) return fail('disk', sentence, advice);
  return freeBytes < scarceDiskBytes ? warn('disk', sentence, advice) : ok('disk', sentence);
}

/** `open`: the secret files that others on this machine can read or change. */
export function checkKeys({ found, open }: { found: number; open: readonly string[] }): Check {
  if (found === 0) return ok('keys', 'There are no keys yet: this device is not paired.');
  if (open.length === 0)
    return ok('keys', `Only their owner can read the ${found === 1 ? 'file' : `${found} files`} with keys.`);
  const names = open.join(', ');
  return fail('keys', `Others on this machine can reach ${names}.`, `Run chmod 600 ${open.join(' ')}.`);
}
