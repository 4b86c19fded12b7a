import type { CommandAction, ContentStore, RunCommand } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import type { RecentLines } from '@cutpoint/daemon';

export interface CommandParts {
  /** The last lines of this device's log. */
  readonly recent: RecentLines | undefined;
  /** Files that deployments brought. */
  readonly content: ContentStore | undefined;
  /** Asks the server which certificates to refuse, and renews one's own; left out where there are none. */
  readonly checkIdentity?: () => Promise<void>;
}

/** What a device does when its server commands it: shows its log, forgets what it no longer needs, or only answers. */
export function runCommands({ recent, content, checkIdentity }: CommandParts): RunCommand {
  return async (action: CommandAction) => {
    switch (action.kind) {
      case 'ping':
        return [];
      case 'logs':
        if (recent !== undefined) return recent.newest(action.lines);
        throw new CutpointError('CUT_USAGE', 'This device keeps no lines of its log: look at its standard error.');
      case 'forget-cache':
        await content?.clear();
        return [];
      case 'check-identity':
        await checkIdentity?.();
        return [];
      case 'describe-runtime':
      case 'time-segments':
      case 'probe-link':
        throw new CutpointError(
          'CUT_USAGE',
          `Pages of browsers are commanded to ${action.kind}; a daemon is asked over its wire.`,
        );
    }
  };
}
