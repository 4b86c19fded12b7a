import type { RolloutView, StatusView } from '@cutpoint/server/client';
import { fields, table } from '../output/table.js';
import { formatBytes } from '../output/units.js';

type Way = StatusView['deployments'][number]['begins'][number]['ways'][number];

/** A fleet as a person reads it. */
export function statusText({ fleet, version, devices, rollout, deployments, notes }: StatusView, url: string): string {
  const { online, away, revoked } = devices;
  const others = [...listOf(away, 'away'), ...listOf(revoked, 'revoked')];
  const head = fields([
    ['fleet', `${fleet} at ${url}, version ${version}`],
    ['devices', [`${online} online`, ...others].join(', ')],
    ...rolloutFields(rollout),
  ]);
  const rows = deployments.map(({ name, model, devices: own }) => [
    name,
    model.name,
    model.hash.slice(0, 12),
    own.map((device) => `${device}${mark(devices, device)}`).join(', '),
  ]);
  const columns = [{ name: 'deployment' }, { name: 'model' }, { name: 'hash' }, { name: 'devices' }];
  const listed = rows.length === 0 ? 'Nothing is deployed.\n' : table(columns, rows);
  const noted = notes.map((note) => `note: ${note}\n`).join('');
  return [head, progressTable(rollout), listed, waysTable(deployments, devices), noted]
    .filter((part) => part !== '')
    .join('\n');
}

function listOf(devices: readonly string[], what: string): string[] {
  return devices.length === 0 ? [] : [`${devices.length} ${what}: ${devices.join(', ')}`];
}

function mark({ away, revoked }: Pick<StatusView['devices'], 'away' | 'revoked'>, device: string): string {
  if (revoked.some((name) => name === device)) return ' (revoked)';
  return away.some((name) => name === device) ? ' (away)' : '';
}

/** How requests are answered now: by the first way whose devices are all there, and what comes after it. */
function waysTable(deployments: StatusView['deployments'], { revoked }: StatusView['devices']): string {
  const rows = deployments.flatMap(({ name, begins }) =>
    begins.map(({ device, there, ways }) => {
      const first = ways.findIndex((way) => way.there);
      const now = ways[first];
      const fallback = first > 0 ? ' (fallback)' : '';
      const runs = now === undefined ? 'no device that is needed is there' : `${wayName(device, now)}${fallback}`;
      const rest = ways.slice(first + 1).map((way) => `${wayName(device, way)}${way.there ? '' : ' (away)'}`);
      const missing = revoked.includes(device) ? 'revoked' : 'away';
      return [name, device, there ? runs : missing, rest.join('; ')];
    }),
  );
  if (rows.length === 0) return '';
  return table([{ name: 'deployment' }, { name: 'begins at' }, { name: 'runs as' }, { name: 'else' }], rows);
}

/** In the form of plans: `pi-1 | 39 raw | server`. */
function wayName(device: string, { at, codecs, chain }: Way): string {
  const [only] = chain;
  if (only === undefined) return `${device} alone`;
  if (chain.length === 1 && at[0] === 0) return `${only} alone (input as ${codecs[0]})`;
  return [device, ...chain.flatMap((next, i) => [`${at[i]} ${codecs[i]}`, next])].join(' | ');
}

function rolloutFields(rollout: RolloutView): (readonly [string, string])[] {
  const { phase, generation, active, name, waitingFor, leftMs, problem } = rollout;
  if (generation === 0) return [];
  const left = leftMs === undefined ? '' : ` for at most ${Math.ceil(leftMs / 60_000)} min more`;
  const waits = waitingFor.length === 0 ? '' : `, waits for ${waitingFor.join(', ')}${left}`;
  const changed: readonly [string, string] = [
    'generation',
    `${generation}${name === undefined ? '' : ` of ${name}`} is ${phase}${waits}`,
  ];
  const acting: (readonly [string, string])[] = active === generation ? [] : [['active', `generation ${active}`]];
  if (problem === undefined) return [changed, ...acting];
  const { device, code, message } = problem;
  return [changed, ...acting, ['problem', `${device === undefined ? '' : `${device}: `}${message} (${code})`]];
}

/** Each device, while a change is on its way. */
function progressTable({ devices }: RolloutView): string {
  if (devices.length === 0) return '';
  const columns = [{ name: 'device' }, { name: 'phase' }, { name: 'fetched', align: 'right' as const }];
  const rows = devices.map(({ device, there, phase, fetchedBytes, totalBytes }) => [
    device,
    there ? phase : 'away',
    totalBytes === 0 ? '-' : `${formatBytes(fetchedBytes)} of ${formatBytes(totalBytes)}`,
  ]);
  return table(columns, rows);
}
