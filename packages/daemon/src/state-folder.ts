import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The help text of `--state`. */
export const stateHelp =
  'folder with keys and what the fleet remembers (default: $CUTPOINT_STATE, else ~/.local/state/cutpoint)';

/** The folder of a role on this machine: both may run on one. */
export function stateFolder(role: 'server' | 'device', given: string | undefined): string {
  const base = process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state');
  return resolve(given ?? process.env.CUTPOINT_STATE ?? join(base, 'cutpoint'), role);
}
