import { flagOf, type Setting, type SettingsSchema, settingsOf } from './setting.js';

/** The settings of a schema as a Markdown table, for the documentation. */
export function settingsTable(schema: SettingsSchema): string {
  const rows = settingsOf(schema).map((setting) => [
    `\`${setting.name}\``,
    `\`${flagOf(setting)}\``,
    `\`${setting.env}\``,
    defaultText(setting),
    setting.description + (setting.choices.length === 0 ? '' : `; one of ${setting.choices.join(', ')}`),
  ]);
  const lines = [['In the file', 'Flag', 'Environment', 'Default', 'Meaning'], Array(5).fill('---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** The default as a person writes it; empty where there is none. */
export function defaultText({ kind, defaultValue }: Setting): string {
  if (defaultValue === undefined || kind === 'pairs' || kind === 'wholes') return '';
  return String(defaultValue);
}
