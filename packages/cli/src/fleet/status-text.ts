import type { RolloutView, StatusView } from '@cutpoint/server/client';
import { fields, table } from '../output/table.js';
import { formatBytes } from '../output/units.js';

/** A fleet as a person reads it. */
export function statusText({ fleet, version, devices, rollout, deployments, notes }: StatusView, url: string): string {
  const { online, offline } = devices;
  const head = fields([
    ['fleet', `${fleet} at ${url}, version ${version}`],
    ['devices', `${online} online${offline === 0 ? '' : `, ${offline} away`}`],
    ...rolloutFields(rollout),
  ]);
  const rows = deployments.map(({ name, model, devices: own }) => [
    name,
    model.name,
    model.hash.slice(0, 12),
    own.join(', '),
  ]);
  const columns = [{ name: 'deployment' }, { name: 'model' }, { name: 'hash' }, { name: 'devices' }];
  const listed = rows.length === 0 ? 'Nothing is deployed.\n' : table(columns, rows);
  const noted = notes.map((note) => `note: ${note}\n`).join('');
  return [head, progressTable(rollout), listed, noted].filter((part) => part !== '').join('\n');
}

function rolloutFields(rollout: RolloutView): (readonly [string, string])[] {
  const { phase, generation, active, waitingFor, problem } = rollout;
  if (generation === 0) return [];
  const waits = waitingFor.length === 0 ? '' : `, waits for ${waitingFor.join(', ')}`;
  const changed: readonly [string, string] = ['generation', `${generation} is ${phase}${waits}`];
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
