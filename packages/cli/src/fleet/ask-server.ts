import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AdministrationRequest, askLocally } from '@cutpoint/control/client';
import { type CancelSignal, CutpointError } from '@cutpoint/core';

/** What may be the first thing that is asked of a fleet; the rest is about what one has. */
const begins = new Set<AdministrationRequest['action']>(['offer', 'certify-broker', 'create-token']);

/**
 * Asks the server that runs on a state folder; where none does, does it on the folder itself.
 * @throws CutpointError CUT_NOT_FOUND if there is no fleet in the folder; what `askLocally` and `administer` throw
 */
export async function askServer(folder: string, request: AdministrationRequest, signal: CancelSignal): Promise<object> {
  const answer = await askLocally(folder, request, signal);
  if (answer !== undefined) return answer;
  if (!begins.has(request.action) && !existsSync(join(folder, 'store.db'))) {
    const message = `There is no fleet in ${folder}: run this on the server's machine, and name its folder with --state.`;
    throw new CutpointError('CUT_NOT_FOUND', message);
  }
  const { administer, openFleetFolder } = await import('@cutpoint/control');
  using fleet = await openFleetFolder({ folder });
  return await administer(fleet, request);
}
