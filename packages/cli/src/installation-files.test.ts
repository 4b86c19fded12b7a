import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resolveSettings, type SettingsSchema } from '@cutpoint/daemon';
import { agentSettings } from '@cutpoint/edge-agent';
import { serverSettings } from '@cutpoint/server';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addSettings, flagsOf } from './settings-flags.js';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');
const guide = read('docs/installing.md');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-installing-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a daemon makes of its arguments; a configuration file that they name is `config`. */
async function settingsOf(verb: string, schema: SettingsSchema, args: readonly string[], config: string) {
  const command = new Command(verb).exitOverride().configureOutput({ outputError: () => {} });
  addSettings(command, schema);
  command.parse([...args], { from: 'user' });
  const named = command.opts<{ config?: string }>().config !== undefined;
  const configFile = join(folder, `${verb}.yaml`);
  writeFileSync(configFile, config);
  const flags = flagsOf(schema, command);
  return await resolveSettings(schema, { flags, env: {}, configFile: named ? configFile : undefined });
}

/** The block of YAML in the guide for a file under /etc/cutpoint. */
function configIn(name: string): string {
  const [, text] = new RegExp(`\`\`\`yaml\n# /etc/cutpoint/${name}\n((?:.|\n)*?)\`\`\``).exec(guide) ?? [];
  if (text === undefined) throw new Error(`docs/installing.md has no block for ${name}.`);
  return text;
}

const all = (text: string, key: string) => [...text.matchAll(new RegExp(`^${key}[= ](.*)$`, 'gm'))].map(([, v]) => v);

const daemons = [
  { verb: 'agent', kind: 'agent', folder: 'edge-agent', schema: agentSettings, ports: [7401, 7402] },
  { verb: 'serve', kind: 'server', folder: 'server', schema: serverSettings, ports: [7400, 7480, 7483] },
] as const;

describe.each(daemons)('the systemd unit of cutpoint $verb', ({ verb, kind, folder: place, schema }) => {
  const unit = read(`${place}/systemd/cutpoint-${kind}.service`);

  it('starts it with settings that there are, and joins a fleet by the file that the guide shows', async () => {
    const [start = ''] = all(unit, 'ExecStart');
    const [env, program, ...args] = start.split(' ');
    expect([env, program, args[0]]).toEqual(['/usr/bin/env', 'cutpoint', verb]);
    const settings = await settingsOf(verb, schema, args.slice(1), configIn(`${kind}.yaml`));
    expect(settings).toMatchObject({ logFormat: 'json', fleet: kind === 'agent' ? 'find' : '/var/lib/cutpoint' });
    expect(start).toContain(`--config /etc/cutpoint/${kind}.yaml`);
  });

  it('lets it write its state and cache, as a user of its own', () => {
    expect(all(unit, 'User')).toEqual(['cutpoint']);
    expect(all(unit, 'Environment')).toContain(`CUTPOINT_STATE=/var/lib/${all(unit, 'StateDirectory')[0]}`);
    expect(all(unit, 'Environment')).toContain(`CUTPOINT_CACHE_DIR=/var/cache/${all(unit, 'CacheDirectory')[0]}`);
    expect(guide).toMatch(/useradd --system .* cutpoint$/m);
  });
});

describe.each(daemons)('the container of cutpoint $verb', ({ verb, kind, folder: place, schema, ports }) => {
  const file = read(`${place}/Dockerfile`);

  it('starts it with settings that there are, in a fleet', async () => {
    const [command, ...args] = JSON.parse(all(file, 'CMD')[0] ?? '[]') as string[];
    expect(command).toBe(verb);
    const settings = await settingsOf(verb, schema, args, '');
    expect(settings).toMatchObject({ fleet: kind === 'agent' ? 'find' : '/var/lib/cutpoint' });
  });

  it('has its ports open, its state in volumes, and is not root', () => {
    expect(all(file, 'EXPOSE')[0]?.split(' ').map(Number)).toEqual(ports);
    const volumes = JSON.parse(all(file, 'VOLUME')[0] ?? '[]') as string[];
    for (const name of ['CUTPOINT_STATE', 'CUTPOINT_CACHE_DIR']) {
      const [, folder] = new RegExp(`${name}=(\\S+)`).exec(file) ?? [];
      expect(volumes).toContain(folder);
      expect(file).toMatch(new RegExp(`install -d -o node -g node (-m 700 )?${folder}`));
    }
    expect(all(file, 'USER')).toEqual(['node']);
    expect(file).toContain(`cutpoint-${kind}-`);
  });
});
