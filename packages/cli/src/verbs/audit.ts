import type { AuditEntry } from '@cutpoint/control/client';
import { CutpointError } from '@cutpoint/core';
import { stateFolder, stateHelp } from '@cutpoint/daemon/client';
import { askServer } from '../fleet/ask-server.js';
import { auditText } from '../fleet/audit-text.js';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';

const mostEntries = 1000;

/** `cutpoint audit`: who changed what in a fleet. */
export const audit: Verb = {
  example: 'cutpoint audit --lines 20',
  configure: (command) =>
    command
      .option('--lines <number>', `how many of the last entries, at most ${mostEntries}`, parsePositive, 100)
      .option('--state <folder>', stateHelp)
      .action(async ({ lines, state, json }: { lines: number; state?: string; json?: true }) => {
        if (lines > mostEntries)
          throw new CutpointError('CUT_USAGE', `--lines is ${lines}, but at most ${mostEntries} entries are shown.`);
        using interrupt = onInterrupt();
        const request = { action: 'list-audit', count: lines } as const;
        const found = await askServer(stateFolder('server', state), request, interrupt.signal);
        const { entries } = found as { entries: readonly AuditEntry[] };
        await printResult(json === true, { entries }, () => auditText(entries));
      }),
};
