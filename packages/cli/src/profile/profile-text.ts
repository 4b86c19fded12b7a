import type { LinkProfile, ModelProfile, Power } from '@cutpoint/plan';
import { fields, table } from '../output/table.js';
import { byteColumn, formatBytes, formatMs, msColumn } from '../output/units.js';

const right = { align: 'right' } as const;

/** A model's profile for people: the measured cuts, then what it says about itself. */
export function profileText(profile: ModelProfile): string {
  return `${measuredTable(profile)}\n${fields(profileFacts(profile))}`;
}

const barLength = 24;

function measuredTable({ measured, cuts, fit, wholeMs, frontMs, backMs }: ModelProfile): string {
  const last = cuts.length - 1;
  const rows = fit.measuredCuts.map((cut) => {
    const [front, back] = [measured.find(isSpan(0, cut)), measured.find(isSpan(cut, last))];
    return { cut, front, back, bytes: cuts[cut]?.bytes ?? 0, frontMs: frontMs[cut] ?? 0, backMs: backMs[cut] ?? 0 };
  });
  const times = msColumn(rows.flatMap((row) => [row.frontMs, row.backMs]));
  const crossing = byteColumn(rows.map(({ bytes }) => bytes));
  const cells = rows.map((row, i) => [
    String(row.cut),
    cuts[row.cut]?.name ?? '',
    crossing[i] ?? '',
    times[2 * i] ?? '',
    spread(row.front),
    times[2 * i + 1] ?? '',
    spread(row.back),
    bar(row.frontMs, row.backMs, wholeMs),
    memoryOf(row.front, row.back),
  ]);
  const columns = [
    { name: 'CUT', ...right },
    { name: 'AFTER' },
    { name: 'CROSSES', ...right },
    { name: 'FRONT', ...right },
    { name: 'SPREAD', ...right },
    { name: 'BACK', ...right },
    { name: 'SPREAD', ...right },
    { name: 'FRONT # BACK -' },
    { name: 'PEAK MEMORY' },
  ];
  return table(columns, cells);
}

type Measurement = ModelProfile['measured'][number];

function isSpan(from: number, to: number): (one: Measurement) => boolean {
  return (one) => one.from === from && one.to === to;
}

/** Half the way from the fastest to the slowest tenth, in percent of the median. */
function spread(one: Measurement | undefined): string {
  if (one === undefined || one.medianMs === 0) return '';
  return `±${(((one.p90Ms - one.p10Ms) / 2 / one.medianMs) * 100).toFixed(0)} %`;
}

function bar(frontMs: number, backMs: number, wholeMs: number): string {
  const length = (ms: number) => Math.round((ms / wholeMs) * barLength);
  return '#'.repeat(length(frontMs)) + '-'.repeat(length(backMs));
}

function memoryOf(front: Measurement | undefined, back: Measurement | undefined): string {
  const known = [front, back].map((one) => one?.peakBytes ?? null);
  if (known.every((bytes) => bytes === null)) return '';
  return known.map((bytes) => (bytes === null ? '?' : formatBytes(bytes))).join(' + ');
}

function profileFacts({ model, device, runtime, fit, memory, wholeMs, cuts }: ModelProfile): [string, string][] {
  const dims = Object.entries(model.dims).map(([name, size]) => `${name}=${size}`);
  const others = cuts.length - fit.measuredCuts.length;
  const error =
    fit.errorPct === null
      ? 'not known: too few cuts'
      : `${fit.errorPct.median.toFixed(1)} % median, ${fit.errorPct.p90.toFixed(1)} % in nine of ten (each measured cut left out once)`;
  return [
    ['model', [model.name, ...dims].join(' ')],
    ['device', `${device.name}: ${device.cpu}, ${device.cores} cores, ${formatBytes(device.memoryBytes)}`],
    ['runtime', `${runtime.name} ${runtime.version}, ${runtime.provider}, threads: ${runtime.threads}`],
    ['whole model', formatMs(wholeMs)],
    ['other cuts', fit.kind === 'all' ? 'none: every cut was measured' : `${others}, fitted; error ${error}`],
    ['steadiness', steadiness(fit.referenceDriftPct)],
    ['memory', memoryText(memory)],
    ['power', powerText(device.power)],
  ];
}

/** From here on, in percent, the figures say little. */
const unsteady = 20;

function steadiness(driftPct: number): string {
  const advice = driftPct > unsteady ? ': BAD, measure again on a quiet machine (--no-cache)' : '';
  return `the reference segment varied by ${driftPct.toFixed(0)} % between batches${advice}`;
}

function memoryText({ baseBytes, perWeightByte, perActivationByte, errorPct }: ModelProfile['memory']): string {
  const formula = `${formatBytes(baseBytes)} + ${perWeightByte.toFixed(1)} x weights + ${perActivationByte.toFixed(1)} x largest crossing`;
  return errorPct === null
    ? `${formula} (assumed: it cannot be measured here)`
    : `${formula}, error ${errorPct.toFixed(1)} %`;
}

const powerSources: Record<Power['source'], string> = {
  rapl: "measured by the processor's energy counters (RAPL)",
  hwmon: 'measured by a power monitor chip (hwmon)',
  pmic: "measured by the board's power management chip",
  stated: 'stated for this class of device, not measured',
};

function powerText({ source, idleW, busyW, networkW }: Power): string {
  const watts = (value: number) => `${value.toFixed(1)} W`;
  return `${watts(idleW)} idle, ${watts(busyW)} busy, ${powerSources[source]}; ${watts(networkW)} with traffic, stated`;
}

/** A link's profile for people. */
export function linkText({ url, rttMs, jitterMs, up, down, samples, fitErrorPct }: LinkProfile): string {
  const direction = ({ fixedMs, bytesPerS }: LinkProfile['up']) =>
    `${rate(bytesPerS)} and ${formatMs(fixedMs)} for each message`;
  const sizes = samples.map(({ bytes }) => bytes);
  return fields([
    ['link', url],
    [
      'round trip',
      `${formatMs(rttMs.median)} median, ${formatMs(rttMs.p90)} in nine of ten, ${formatMs(rttMs.min)} at best`,
    ],
    ['jitter', formatMs(jitterMs)],
    ['there', direction(up)],
    ['back', direction(down)],
    [
      'from',
      `${samples.length} messages of ${formatBytes(Math.min(...sizes))} to ${formatBytes(Math.max(...sizes))}, ${fitErrorPct.toFixed(1)} % from the line`,
    ],
  ]);
}

/** Bits per second, as links are sold, and bytes, as files are counted. */
function rate(bytesPerS: number): string {
  const bits = formatBytes(Math.round(bytesPerS * 8)).replace(/B$/, 'bit');
  return `${bits}/s (${formatBytes(Math.round(bytesPerS))}/s)`;
}
