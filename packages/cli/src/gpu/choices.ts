import { forgetChoices, type ProviderTrial, type RememberedChoice, rememberedChoices } from '@cutpoint/runtime';
import { printResult } from '../output/result.js';
import { plainText, table } from '../output/table.js';
import { formatMs } from '../output/units.js';
import type { Verb } from '../verb.js';

interface ChoicesOptions {
  readonly forget?: true;
  readonly json?: true;
}

/** `cutpoint gpu choices`. */
export const choicesVerb: Verb = {
  example: 'cutpoint gpu choices --forget',
  configure: (command) =>
    command
      .option('--forget', 'forget them all: the next `--provider auto` measures again')
      .action(async ({ forget, json }: ChoicesOptions) => {
        const choices = await rememberedChoices();
        if (forget === true) await forgetChoices();
        const forgotten = forget === true;
        await printResult(json === true, { choices, forgotten }, () => choicesText(choices, forgotten));
      }),
};

/** The choices as a table. Who can write to the cache says what is in it: it must not steer the terminal. */
export function choicesText(choices: readonly RememberedChoice[], forgotten: boolean): string {
  if (choices.length === 0) return 'Nothing is remembered: nobody has run anything with --provider auto here.\n';
  const rows = choices.map(({ what, provider, trials, measuredAt }) =>
    [what, provider, trials.map(trialText).join(', '), measuredAt.slice(0, 16).replace('T', ' ')].map(plainText),
  );
  const list = table([{ name: 'measured' }, { name: 'chosen' }, { name: 'tried' }, { name: 'when (UTC)' }], rows);
  return forgotten ? `${list}All of this is forgotten now.\n` : list;
}

function trialText(trial: ProviderTrial): string {
  const { provider, outcome } = trial;
  if (outcome === 'right') return `${provider} ${formatMs(trial.ms)}`;
  return outcome === 'wrong' ? `${provider} wrong` : `${provider} ${trial.code}`;
}
