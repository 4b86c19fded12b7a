import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError, isErrorCode } from '@cutpoint/core';
import { type AcceptedView, type RolloutView, type StatusView, statusView } from '@cutpoint/server/client';
import { openProgress } from '../output/progress.js';
import { formatBytes } from '../output/units.js';
import type { ServerApi } from './server-api.js';

const lookEveryMs = 300;
/** The server gives devices 30 minutes. */
const longestMs = 35 * 60_000;

/**
 * Waits until a change of the fleet has become active, or one that was withdrawn is undone.
 * @throws CutpointError why it did not, under the code that the device gave; CUT_DEADLINE, CUT_CANCELLED; what
 * `ServerApi.ask` throws.
 */
export async function awaitRollout(
  api: ServerApi,
  { name, generation, withdrawn }: AcceptedView,
  signal: AbortSignal,
): Promise<StatusView> {
  using progress = openProgress();
  const endMs = performance.now() + longestMs;
  for (;;) {
    const status = await look(api, name, signal);
    const { rollout } = status;
    if (rollout.generation !== generation) throw overtaken(name, generation, rollout);
    if (withdrawn === true && rollout.phase === 'rolled back') return status;
    if (rollout.problem !== undefined && withdrawn !== true) throw failed(name, rollout.problem);
    if (rollout.phase === 'active') return status;
    progress.show(progressText(rollout));
    if (performance.now() > endMs) {
      throw new CutpointError('CUT_DEADLINE', `${name} is still on its way: \`cutpoint status\` tells how far it is.`);
    }
    await sleep(lookEveryMs, undefined, { signal }).catch(() => {
      throw interrupted(name);
    });
  }
}

async function look(api: ServerApi, name: string, signal: AbortSignal): Promise<StatusView> {
  try {
    return await api.ask({ method: 'GET', path: '/v1/status', answer: statusView });
  } catch (thrown) {
    throw signal.aborted ? interrupted(name) : thrown;
  }
}

function interrupted(name: string): CutpointError {
  const message = `Interrupted. ${name} goes on: \`cutpoint status\` tells how far it is, \`cutpoint rollback ${name}\` withdraws it.`;
  return new CutpointError('CUT_CANCELLED', message);
}

/** `pi-1 fetching 3.2 MB of 12 MB, gpu-box preparing`. */
export function progressText({ generation, devices }: RolloutView): string {
  const each = devices.map(({ device, there, phase, fetchedBytes, totalBytes }) => {
    if (!there) return `${device} is away and waited for`;
    const bytes =
      phase === 'fetching' && totalBytes > 0 ? ` ${formatBytes(fetchedBytes)} of ${formatBytes(totalBytes)}` : '';
    return `${device} ${phase}${bytes}`;
  });
  return `generation ${generation}: ${each.join(', ') || 'nothing to prepare'}`;
}

function failed(name: string, { device, code, message }: NonNullable<RolloutView['problem']>): CutpointError {
  const who = device === undefined ? '' : `${device}: `;
  const sentence = `${name} was not deployed, and all is as it was. ${who}${message}`;
  return new CutpointError(isErrorCode(code) ? code : 'CUT_DEPLOYMENT', sentence);
}

/** Generations are never used twice: another one means that the server began anew, or somebody else changed the fleet. */
function overtaken(name: string, generation: number, rollout: RolloutView): CutpointError {
  const message = `Generation ${generation} of ${name} is not the last any more, ${rollout.generation} is: \`cutpoint status\` tells what runs.`;
  return new CutpointError('CUT_DEPLOYMENT', message);
}
