import { type AdministrationRequest, askLocally } from '@cutpoint/control/client';
import type { CancelSignal } from '@cutpoint/core';

/** Asks the server that runs on a state folder; where none does, does it on the folder itself. */
export async function askServer(folder: string, request: AdministrationRequest, signal: CancelSignal): Promise<object> {
  const answer = await askLocally(folder, request, signal);
  if (answer !== undefined) return answer;
  const { administer, openFleetFolder } = await import('@cutpoint/control');
  using fleet = await openFleetFolder({ folder });
  return await administer(fleet, request);
}
