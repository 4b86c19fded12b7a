import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceId } from '@cutpoint/control/client';
import { cancelReason } from '@cutpoint/core';
import { connect } from '@cutpoint/wire';
import { demoDevices, type LocalFleet, startFleet } from './fleet.js';
import { type Load, startLoad } from './load.js';
import { openDemoModel } from './model.js';
import { runVerb } from './run-verb.js';
import { type Outcome, type Tally, tally } from './tally.js';

export interface DemoOptions {
  readonly folder: string;
  /** Default: the model that comes with the repository. */
  readonly model: string | undefined;
  readonly requestsPerSecond: number;
  /** How long the load runs before an agent is killed, while it is away, and after it is back. */
  readonly phaseMs: number;
  readonly signal: AbortSignal;
  /** Is told what happens, in a sentence. */
  readonly tell: (sentence: string) => void;
  /** Is told of each request, for a line of figures. */
  readonly onOutcome: (outcome: Outcome) => void;
}

/** What the demo came to. */
export interface DemoResult extends Tally {
  readonly model: string;
  readonly cut: number;
  readonly killed: string;
  /** From the kill until the next answer. */
  readonly answeredAgainMs: number;
  /** By which ways requests were answered that were sent before the kill, while the agent was away, and after it was back. */
  readonly phases: readonly Pick<Tally, 'sent' | 'lost' | 'medianMs' | 'ways'>[];
}

const deployment = 'demo';
const deadlineMs = 2_000;
const connectTimeoutMs = 5_000;
/** So long the demo waits until an agent that is back is used again. */
const returnMs = 8_000;

/**
 * Starts a fleet, deploys a model, sends requests, kills an agent under them, and brings it back.
 * @throws CutpointError what any of it throws; all processes are gone then, too
 */
export async function showFleet(options: DemoOptions): Promise<DemoResult> {
  const { folder, signal, tell } = options;
  const { first, second, spare } = demoDevices;
  const devices = [first, second, spare];
  const model = await openDemoModel(options.model, signal);
  tell(`starting a server and ${devices.length} agents, and pairing them with one-time codes`);
  await using fleet = await startFleet(folder, devices, signal);
  tell(`server: process ${fleet.serverPid}, ${fleet.api}`);
  for (const device of devices) tell(`${device}: process ${fleet.agent(device).pid}`);
  const where = ['--at', String(model.cut.index), '--on', `${first},${second}`, '--spare', spare, '--local-fallback'];
  const server = ['--server', fleet.api, '--ca', fleet.ca, '--name', deployment];
  tell(`cutpoint deploy MODEL ${where.join(' ')}`);
  const dims = [...model.dims].flatMap(([name, size]) => ['--dim', `${name}=${size}`]);
  await runVerb(['deploy', model.path, ...where, ...dims, ...server], signal);
  await using peer = await connect({ url: fleet.agent(first).url, connectTimeoutMs, signal });
  const { inputs, expected } = model;
  const { requestsPerSecond, onOutcome } = options;
  const asked = { peer, device: first, model: deployment, inputs, expected };
  await using load = startLoad({ ...asked, requestsPerSecond, deadlineMs, onOutcome });
  tell(`${options.requestsPerSecond} requests/s begin at ${first}; the rest of each is computed by ${second}`);
  const times = await killUnderLoad(fleet, second, load, options);
  return { model: model.path, cut: model.cut.index, killed: second, ...summary(await load.stop(), times) };
}

interface Times {
  readonly killedMs: number;
  readonly backMs: number;
}

async function killUnderLoad(
  fleet: LocalFleet,
  device: DeviceId,
  load: Load,
  { phaseMs, signal, tell }: DemoOptions,
): Promise<Times> {
  await pause(phaseMs, signal);
  const { pid } = fleet.agent(device);
  const killedMs = load.nowMs();
  await fleet.agent(device).kill();
  tell(`kill -9 ${pid}: ${device} is gone`);
  await pause(phaseMs, signal);
  tell(`starting ${device} again`);
  await fleet.restart(device);
  const backMs = load.nowMs();
  tell(`${device} is back: process ${fleet.agent(device).pid}`);
  const planned = load.firstWay();
  const latest = performance.now() + returnMs;
  while (load.lastWay() !== planned && performance.now() < latest) await pause(100, signal);
  tell(load.lastWay() === planned ? 'requests go the planned way again' : 'requests do not go the planned way yet');
  await pause(phaseMs / 2, signal);
  return { killedMs, backMs };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw cancelReason(signal);
  }
}

function summary(outcomes: readonly Outcome[], { killedMs, backMs }: Times) {
  const between = (from: number, to: number) => {
    const { sent, lost, medianMs, ways } = tally(outcomes.filter(({ sentMs }) => sentMs >= from && sentMs < to));
    return { sent, lost, medianMs, ways };
  };
  const again = outcomes.filter(({ way, endedMs }) => way !== undefined && endedMs > killedMs);
  return {
    ...tally(outcomes),
    answeredAgainMs: Math.min(...again.map(({ endedMs }) => endedMs)) - killedMs,
    phases: [between(0, killedMs), between(killedMs, backMs), between(backMs, Number.POSITIVE_INFINITY)],
  };
}
