import { existsSync, rmdirSync } from 'node:fs';
import {
  type AdministrationRequest,
  askLocally,
  chooseServer,
  clockTrouble,
  type DeviceId,
  deviceId,
  type FleetId,
  fleetId,
  hostName,
  makeFolder,
  pairDevice,
  readCode,
  saveIdentity,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { stateFolder, stateHelp } from '@cutpoint/daemon/client';
import { type Command, InvalidArgumentError } from 'commander';
import { answerAndWait, type MadeCode } from '../fleet/answer-and-wait.js';
import { ownName } from '../fleet/own-name.js';
import { onInterrupt } from '../interrupt.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';

interface PairOptions {
  readonly new?: true;
  readonly name?: DeviceId;
  readonly host?: readonly string[];
  readonly listen?: string;
  readonly fleet?: FleetId;
  readonly state?: string;
  readonly json?: true;
}

/** A guess at the code must not take longer. */
const exchangeMs = 30_000;

/** `cutpoint pair`: lets a device into the fleet. */
export const pair: Verb = {
  example:
    'cutpoint pair --new --name pi-1   # on the server\n  $ cutpoint pair 7K3M-Q2XN-P8VD   # on the device, with the code that the server shows',
  configure: (command) =>
    command
      .argument(
        '[url]',
        'on the device: https://host:port of the server; left out, it is looked for on the local network',
      )
      .argument('[code]', 'on the device: the code that the server shows')
      .option('--new', 'on the server: make a code, good once and for ten minutes')
      .option('--name <device>', 'what the device is called (default: its host name)', parseName)
      .option(
        '--host <name>',
        'with --new: a host name or address of the device, for its certificate; may be repeated',
        parseHost,
      )
      .option('--listen <host:port>', 'with --new, where no server runs: answer the device here, and wait for it')
      .option(
        '--fleet <name>',
        'with --listen: what a fleet that is made now is called (default: home); without a url: which to look for',
        parseFleet,
      )
      .option('--state <folder>', stateHelp)
      .action(async (url: string | undefined, code: string | undefined, _, command: Command) => {
        const options = command.opts<PairOptions>();
        if (options.new === true && url === undefined) await makeCode(options);
        else if (options.new === undefined && url !== undefined) await join(placeOf(url, code), options);
        else {
          const message = 'Use cutpoint pair --new on the server, then cutpoint pair CODE on the device.';
          throw new CutpointError('CUT_USAGE', message);
        }
      }),
};

async function makeCode({ name, host, listen, fleet, state, json }: PairOptions): Promise<void> {
  using interrupt = onInterrupt();
  const folder = stateFolder('server', state);
  const request: AdministrationRequest = { action: 'offer', device: name, hosts: host && [...host] };
  const made = await askLocally(folder, request, interrupt.signal);
  if (made !== undefined) {
    const code = made as MadeCode;
    const page = pageLink(code);
    await printResult(json === true, { ...made, ...(page !== undefined && { page }) }, () => codeText(code, page));
    return;
  }
  if (listen === undefined) {
    const message = `No server runs on ${folder}, so nobody would answer the device: give --state FOLDER if one runs on another folder, start one, or add --listen host:port to answer it here.`;
    throw new CutpointError('CUT_UNREACHABLE', message);
  }
  const show = (code: MadeCode) => void process.stderr.write(codeText(code));
  const found = await answerAndWait({ folder, listen, fleet, request, signal: interrupt.signal, show });
  await printResult(json === true, found, () => `${found.device} is paired.\n`);
}

interface Place {
  /** Undefined: to be found. */
  readonly url: string | undefined;
  readonly code: string;
}

/** One argument alone is the code. @throws CutpointError CUT_USAGE */
function placeOf(first: string, second: string | undefined): Place {
  if (second !== undefined) return { url: first, code: second };
  if (!first.includes('://')) return { url: undefined, code: first };
  throw new CutpointError('CUT_USAGE', 'The code is missing: cutpoint pair URL CODE, as cutpoint pair --new shows it.');
}

/** Looks for the server on the local network. What answers proves by the code that it is the one. */
async function findUrl(fleet: FleetId | undefined, signal: AbortSignal): Promise<string> {
  using progress = openProgress();
  progress.show('looking for a server on the local network');
  const how = 'its address: cutpoint pair https://HOST:7480 CODE';
  const { url } = await chooseServer({ how, signal, ...(fleet === undefined ? {} : { fleet }) });
  return url;
}

async function join({ url: given, code }: Place, { name, state, fleet: wanted, json }: PairOptions): Promise<void> {
  // Nobody is looked for with what can be no code.
  readCode(code);
  using interrupt = onInterrupt();
  const url = given ?? (await findUrl(wanted, interrupt.signal));
  const own = name ?? deviceId.safeParse(ownName()).data;
  const signal = AbortSignal.any([interrupt.signal, AbortSignal.timeout(exchangeMs)]);
  const folder = stateFolder('device', state);
  // A code is good once: it is not spent on a key that cannot be kept.
  const wasThere = existsSync(folder);
  makeFolder(folder);
  const { identity, clockOffsetMs } = await pairDevice({
    url,
    code,
    signal,
    ...(own === undefined ? {} : { name: own }),
  }).catch((thrown: unknown) => {
    // A device that is not paired has no folder: nothing is in it yet.
    if (!wasThere) rmdirSync(folder);
    throw thrown;
  });
  saveIdentity(folder, identity);
  const warning = clockTrouble(clockOffsetMs);
  const { fleet, device, lifetimeMs } = identity;
  const result = {
    fleet,
    device,
    server: url,
    state: folder,
    lifetimeMs,
    clockOffsetMs: Math.round(clockOffsetMs),
    ...(warning === undefined ? {} : { warning }),
  };
  await printResult(json === true, result, () => {
    const text = `This device is ${device} of the fleet ${fleet} now. Its key and certificate are in ${folder}.\n`;
    return warning === undefined ? text : `${text}${warning}\n`;
  });
}

/** The page of a running server, with the code in the part of the address that a browser sends nowhere. */
function pageLink({ url, code }: MadeCode): string | undefined {
  return url === undefined ? undefined : `${url}/page/#code=${code}`;
}

/** @param page left out where the server has none: only one that runs has. */
function codeText({ code, fleet, lifetimeMs, url }: MadeCode, page?: string): string {
  const minutes = Math.round(lifetimeMs / 60_000);
  const good = `${code}\n\nGood once, for ${minutes} minutes, for the fleet ${fleet}. `;
  const inBrowser = page === undefined ? '' : `In its browser, to join as a page:\n  ${page}\n`;
  if (url !== undefined) return `${good}On the device:\n  cutpoint pair ${url} ${code}\n${inBrowser}`;
  return `${good}This machine has no address yet that a device could use: connect it to a network, which the server notices by itself. Then, on the device:\n  cutpoint pair https://ADDRESS:PORT ${code}\n`;
}

const nameHelp = 'Give lowercase letters, digits and dashes, at most 63.';

function parseName(text: string): DeviceId {
  const parsed = deviceId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(nameHelp);
}

function parseFleet(text: string): FleetId {
  const parsed = fleetId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(nameHelp);
}

function parseHost(text: string, previous: readonly string[] = []): readonly string[] {
  if (hostName.safeParse(text).success) return [...previous, text];
  throw new InvalidArgumentError('Give a host name in lower case or an IP address.');
}
