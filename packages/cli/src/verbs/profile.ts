import type { ModelProfile } from '@cutpoint/plan';
import { type ProfileProgress, profileModel } from '@cutpoint/profile';
import { onInterrupt } from '../interrupt.js';
import { dimHelp, parseDim, parsePositive, preprocessingOption, providerOption } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { writeJson } from '../output/write-json.js';
import { profileText } from '../profile/profile-text.js';
import type { Verb } from '../verb.js';

interface ProfileOptions {
  readonly full?: true;
  readonly dim?: ReadonlyMap<string, number>;
  readonly preprocessing?: string;
  readonly provider: string;
  readonly threads: number;
  readonly out?: string;
  readonly cache: boolean;
  readonly json?: true;
}

/** `cutpoint profile`: what each side of each cut takes on this device. */
export const profile: Verb = {
  example: 'cutpoint profile model.onnx --out pi.profile.json',
  configure: (command) =>
    command
      .argument('<model>', 'an ONNX file')
      .option('--full', 'measure every cut; else a few are measured and the others fitted')
      .option('--dim <name=value>', dimHelp, parseDim)
      .option(...preprocessingOption)
      .option(...providerOption)
      .option('--threads <n>', 'threads inside one operator', parsePositive, 1)
      .option('--out <file>', 'write the profile to this file, as JSON')
      .option('--no-cache', 'measure again, even if this was measured before')
      .action(async (path: string, options: ProfileOptions) => {
        const found = await withProgress(path, options);
        if (options.out !== undefined) await writeJson(options.out, found);
        await printResult(options.json === true, found, () => profileText(found));
      }),
};

async function withProgress(path: string, options: ProfileOptions): Promise<ModelProfile> {
  const { full, dim, preprocessing, provider, threads, cache } = options;
  using interrupt = onInterrupt();
  using progress = openProgress();
  const notes: string[] = [];
  const startedAt = Date.now();
  const found = await profileModel(path, {
    full: full === true,
    dims: dim,
    preprocessing,
    provider,
    threads,
    cache,
    signal: interrupt.signal,
    onProgress: (step) => progress.show(progressLine(step)),
    onNote: (note) => notes.push(note),
  });
  progress[Symbol.dispose]();
  if (Date.parse(found.measuredAt) < startedAt) {
    const when = found.measuredAt.slice(0, 16).replace('T', ' ');
    notes.push(`This was measured on ${when} UTC, and not again: --no-cache measures anew.`);
  }
  for (const note of notes) process.stderr.write(`${note}\n`);
  return found;
}

function progressLine({ step, done, total }: ProfileProgress): string {
  switch (step) {
    case 'open':
      return 'reading the model';
    case 'device':
      return 'looking at the device';
    case 'time':
      return `timing segments: batch ${done + 1} of ${total}`;
    case 'memory':
      return `measuring memory of ${total} segments`;
  }
}
