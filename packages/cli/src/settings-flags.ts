import { defaultText, type Setting, type SettingsSchema, settingsOf } from '@cutpoint/daemon';
import { type Command, Option } from 'commander';

/** Adds the flags (and the positional argument) of a daemon's settings to its verb, and `--config`. */
export function addSettings(command: Command, schema: SettingsSchema): void {
  command.option('--config <file>', 'YAML file with settings; flags and environment variables come first');
  for (const setting of settingsOf(schema)) {
    if (setting.argument !== undefined) command.argument(`[${setting.argument}]`, setting.description);
    else for (const option of optionsOf(setting)) command.addOption(option);
  }
}

/** What the command line gave, as `resolveSettings` takes it. */
export function flagsOf(schema: SettingsSchema, command: Command): Record<string, string | boolean | undefined> {
  const options: Record<string, string | boolean | undefined> = command.opts();
  let position = 0;
  const given = settingsOf(schema).map((setting) => {
    const value = setting.argument === undefined ? options[setting.key] : command.args[position++];
    return [setting.key, value === true && setting.bare !== undefined ? setting.bare : value] as const;
  });
  return Object.fromEntries(given);
}

function optionsOf(setting: Setting): readonly Option[] {
  const { name, kind } = setting;
  const fallback = defaultText(setting);
  const help = fallback === '' ? setting.description : `${setting.description} (default: ${fallback})`;
  if (kind === 'switch') {
    const off = new Option(`--no-${name}`, `do not ${setting.description}`);
    return setting.defaultValue === true
      ? [new Option(`--${name}`).hideHelp(), off]
      : [new Option(`--${name}`, setting.description), off.hideHelp()];
  }
  if (kind === 'pairs') {
    const join = (pair: string, before: string | undefined) => (before === undefined ? pair : `${before},${pair}`);
    return [new Option(`--${name} <name=value>`, help).argParser(join)];
  }
  if (setting.bare !== undefined) return [new Option(`--${name} [value]`, help)];
  const option = new Option(`--${name} <${kind === 'whole' || kind === 'number' ? 'number' : 'value'}>`, help);
  if (kind === 'wholes') return [new Option(`--${name} <number,...>`, help)];
  if (kind === 'choices') return [new Option(`--${name} <${setting.choices.join('|')},...>`, help)];
  return [kind === 'choice' ? option.choices(setting.choices) : option];
}
