import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { leadSettings, rankSettings } from '@cutpoint/cluster';
import { type SettingsSchema, settingsTable } from '@cutpoint/daemon';
import { agentSettings } from '@cutpoint/edge-agent';
import { serverSettings } from '@cutpoint/server';
import { describe, expect, it } from 'vitest';

const page = readFileSync(fileURLToPath(new URL('../docs/configuration.md', import.meta.url)), 'utf8');

describe('docs/configuration.md', () => {
  it.each([
    ['server', serverSettings],
    ['agent', agentSettings],
    ['rank', rankSettings],
    ['cluster server', leadSettings],
  ] as const)('lists the settings of the %s as its schema has them', (daemon, schema: SettingsSchema) => {
    const [, table] = page.match(new RegExp(`<!-- settings of the ${daemon} -->\n((?:.|\n)*?)<!-- end -->`)) ?? [];
    expect(table).toBe(settingsTable(schema));
  });
});
