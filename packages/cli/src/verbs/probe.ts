import { readAuthorityFile, readTokenFile } from '@cutpoint/daemon/client';
import { probeLink } from '@cutpoint/profile';
import { parseAddress } from '../address-option.js';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { writeJson } from '../output/write-json.js';
import { linkText } from '../profile/profile-text.js';
import type { Verb } from '../verb.js';

interface ProbeOptions {
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly budgetMs: number;
  readonly out?: string;
  readonly json?: true;
}

/** `cutpoint probe`: what the link to a running daemon is like. */
export const probe: Verb = {
  example: 'cutpoint probe ws://127.0.0.1:7400 --out wifi.link.json',
  configure: (command) =>
    command
      .argument('<url>', 'the address that `cutpoint serve` or `cutpoint agent` shows', parseAddress)
      .option('--token-file <file>', 'file with the token to present')
      .option('--ca <file>', "PEM file with the authority of the daemon's certificate")
      .option('--budget-ms <number>', 'how long all of it may take', parsePositive, 10_000)
      .option('--out <file>', 'write the profile of the link to this file, as JSON')
      .action(async (url: string, { tokenFile, ca, budgetMs, out, json }: ProbeOptions) => {
        using interrupt = onInterrupt();
        using progress = openProgress();
        const found = await probeLink({
          url,
          budgetMs,
          signal: interrupt.signal,
          onProgress: (what) => progress.show(what),
          ...(tokenFile === undefined ? {} : { token: await readTokenFile(tokenFile) }),
          ...(ca === undefined ? {} : { ca: await readAuthorityFile(ca) }),
        });
        progress[Symbol.dispose]();
        if (out !== undefined) await writeJson(out, found);
        await printResult(json === true, found, () => linkText(found));
      }),
};
