import type { ContentStore, DeviceId, Fleet, FleetDevice } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import type { FleetPlans, PlanRequest } from '../http/plan-request.js';
import type { Measurer, ProfiledModel } from './ask-measurements.js';
import { type MeasureOptions, measureLinks, profileDevices } from './measure-fleet.js';
import { type Candidates, type PlannedDevice, planFleet, usableOf } from './plan-fleet.js';

export interface PlanJobOptions {
  readonly fleet: Pick<Fleet, 'devices' | 'device'>;
  /** What this server is called: the last device of every chain. */
  readonly self: DeviceId;
  readonly measurer: Measurer;
  readonly content: Pick<ContentStore, 'hold'>;
}

/** Devices that may compute between the first and the server: each adds links to measure to and from all others. */
const mostBetween = 4;

/** Where requests begin, and what may compute for them. */
export interface PlanCast {
  readonly from: readonly PlannedDevice[];
  readonly between: readonly PlannedDevice[];
  readonly last: PlannedDevice;
}

/**
 * Who has a part: a device where requests begin helps no other, as it has to do for its own.
 * @throws CutpointError CUT_NOT_FOUND for a device that is not there, or where no agent is.
 */
export function castOf({ from, via }: PlanRequest, { fleet, self }: Pick<PlanJobOptions, 'fleet' | 'self'>): PlanCast {
  const there = fleet.devices().filter(({ status, device }) => status === 'online' || device === self);
  const named = (device: DeviceId) => {
    const found = there.find((one) => one.device === device);
    if (found !== undefined) return found;
    const known = there.map((one) => one.device).sort();
    throw new CutpointError('CUT_NOT_FOUND', `No device ${device} is there; these are: ${known.join(', ')}.`);
  };
  const begin = from?.map(named) ?? there.filter(({ role }) => role === 'agent');
  if (begin.length === 0) throw new CutpointError('CUT_NOT_FOUND', 'No agent is there that could be planned for.');
  // Nobody reaches a page: requests can only begin there.
  const isFree = ({ device, facts }: FleetDevice) =>
    device !== self && facts.browser === undefined && begin.every((one) => one.device !== device);
  const between = (via?.map(named) ?? there).filter(isFree);
  const last = there.find(({ device }) => device === self);
  return {
    from: [...new Set(begin)].map(planned),
    between: [...new Set(between)].map(planned),
    last: last === undefined ? { device: self, role: 'server', freeMemoryBytes: undefined } : planned(last),
  };
}

/**
 * Has the devices of a cast measure themselves and one another, and plans.
 * @throws CutpointError CUT_NOT_FOUND if a file of the model was not sent; as `planFleet`; CUT_CANCELLED.
 */
export async function runPlanJob(
  request: PlanRequest,
  { from, between, last }: PlanCast,
  { fleet, measurer, content, ...options }: PlanJobOptions & Pick<MeasureOptions, 'signal' | 'onProgress'>,
): Promise<FleetPlans> {
  const model = await profiledModel(request, content);
  const machineOf = (device: DeviceId) => machineAt(device, fleet.device(device)?.addresses ?? []);
  const measure = { ...options, measurer, machineOf };
  const all = [...from, ...between, last].map(({ device }) => device);
  const { profiles, failures } = await profileDevices([...new Set(all)], model, measure);
  const timeOf = ({ device }: PlannedDevice) => profiles.get(device)?.profile.wholeMs ?? Infinity;
  const able = between.filter(({ device }) => profiles.has(device)).sort((a, b) => timeOf(a) - timeOf(b));
  // What passes a chain goes from slow devices to fast ones.
  const middle = able.slice(0, mostBetween).reverse();
  const left = able
    .slice(mostBetween)
    .map(({ device }) => `${device} takes no part: ${mostBetween} faster devices do.`);
  const chains = from.map((first): Candidates => [first, ...middle, ...(first.device === last.device ? [] : [last])]);
  const usable = chains.filter(([first]) => profiles.has(first.device));
  const { links, notes } = await measureLinks(waysOf(usable, new Set(profiles.keys())), measure);
  const measured = { profiles, failures, links, notes: [...left, ...notes] };
  return planFleet({ request, chains: chains.map((chain) => usableOf(chain, measured)), measured });
}

/** From each device of a chain to each behind it, once. */
function waysOf(chains: readonly Candidates[], profiled: ReadonlySet<DeviceId>) {
  const ways = new Map<string, { from: DeviceId; to: DeviceId }>();
  for (const chain of chains) {
    const able = chain.map(({ device }) => device).filter((device) => profiled.has(device));
    for (const [i, from] of able.entries()) for (const to of able.slice(i + 1)) ways.set(`${from} ${to}`, { from, to });
  }
  return [...ways.values()];
}

/** The files as devices fetch them. */
async function profiledModel(
  { model: { hash, weights = [], preprocessing, dims = {} } }: PlanRequest,
  content: PlanJobOptions['content'],
): Promise<ProfiledModel> {
  const wanted = [
    { path: 'model.onnx', hash },
    ...weights,
    ...(preprocessing === undefined ? [] : [{ path: 'model.preprocessing.json', hash: preprocessing }]),
  ];
  const files = [];
  for (const { path, hash: of } of wanted) {
    using hold = await content.hold(of);
    if (hold === undefined) {
      throw new CutpointError(
        'CUT_NOT_FOUND',
        `The file ${of} is not here: send it to /v1/files before it is planned.`,
      );
    }
    files.push({ path, hash: of, bytes: hold.bytes });
  }
  return { files, dims };
}

function planned({ device, role, telemetry }: FleetDevice): PlannedDevice {
  return { device, role, freeMemoryBytes: telemetry?.freeMemoryBytes };
}

/** By the host of the first address: a device that cannot be reached directly counts for itself. */
function machineAt(device: DeviceId, [address]: readonly string[]): string {
  return address !== undefined && URL.canParse(address) ? new URL(address).hostname : device;
}
