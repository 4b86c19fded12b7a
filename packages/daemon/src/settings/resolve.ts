import { CutpointError } from '@cutpoint/core';
import type { z } from 'zod';
import { readConfigFile } from './config-file.js';
import { expected, shown } from './expected.js';
import { fromText } from './from-text.js';
import { nearest } from './nearest.js';
import { flagOf, type Setting, type SettingsSchema, settingsOf } from './setting.js';

/** Where settings come from, the strongest first. */
export interface SettingSources {
  /** What the command line gave, by the setting's key: a text, or a boolean for a switch. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A YAML file; CUTPOINT_CONFIG names it where this is left out. */
  readonly configFile?: string | undefined;
}

/** A value and where it stood, for messages. */
interface Given {
  readonly value: unknown;
  readonly origin: string;
}

/**
 * Brings flags, environment variables, configuration file and defaults together, in this precedence.
 * @throws CutpointError CUT_USAGE for an unknown name in the file, or a value that is missing or out of range;
 * CUT_FILE_NOT_FOUND if the file cannot be read.
 */
export async function resolveSettings<S extends SettingsSchema>(
  schema: S,
  { flags, env, configFile = env.CUTPOINT_CONFIG }: SettingSources,
): Promise<z.output<S>> {
  const settings = settingsOf(schema);
  const file = configFile === undefined ? new Map<string, Given>() : await fromFile(settings, configFile);
  const given = new Map<string, Given>();
  for (const setting of settings) {
    const found = fromFlag(setting, flags[setting.key]) ?? fromEnv(setting, env[setting.env]) ?? file.get(setting.key);
    if (found !== undefined) given.set(setting.key, found);
  }
  const result = schema.safeParse(Object.fromEntries([...given].map(([key, { value }]) => [key, value])));
  if (result.success) return result.data;
  throw invalid(settings, given, result.error);
}

function fromFlag(setting: Setting, flag: string | boolean | undefined): Given | undefined {
  if (flag === undefined) return undefined;
  const origin = flagOf(setting);
  return { value: typeof flag === 'boolean' ? flag : fromText(setting, flag, origin), origin };
}

function fromEnv(setting: Setting, text: string | undefined): Given | undefined {
  if (text === undefined || text === '') return undefined;
  return { value: fromText(setting, text, setting.env), origin: setting.env };
}

async function fromFile(settings: readonly Setting[], path: string): Promise<Map<string, Given>> {
  const given = new Map<string, Given>();
  for (const [name, value] of Object.entries(await readConfigFile(path))) {
    const setting = settings.find((candidate) => candidate.name === name);
    if (setting === undefined) throw unknownName(settings, name, path);
    const origin = `${name} in ${path}`;
    given.set(setting.key, { value: fromYaml(setting, value, origin), origin });
  }
  return given;
}

/** A list may be written as on the command line: `at: 12` and `at: 12,40`. */
function fromYaml(setting: Setting, value: unknown, origin: string): unknown {
  if (setting.kind !== 'wholes' && setting.kind !== 'choices' && setting.kind !== 'specs') return value;
  if (typeof value === 'string') return fromText(setting, value, origin);
  return typeof value === 'number' ? [value] : value;
}

function unknownName(settings: readonly Setting[], name: string, path: string): CutpointError {
  const names = settings.map((setting) => setting.name);
  const known = nearest(name, names);
  const help = known === undefined ? `The settings are: ${names.join(', ')}.` : `Did you mean ${known}?`;
  return new CutpointError('CUT_USAGE', `${path} has an unknown setting "${name}". ${help}`);
}

function invalid(settings: readonly Setting[], given: ReadonlyMap<string, Given>, error: z.ZodError): CutpointError {
  const issue = error.issues[0];
  const key = String(issue?.path[0]);
  const found = given.get(key);
  const setting = settings.find((candidate) => candidate.key === key);
  if (found !== undefined && setting !== undefined) {
    const { origin, value } = found;
    const message = `${origin} is ${shown(value)}, but must be ${expectation(setting, issue)}.`;
    return new CutpointError('CUT_USAGE', message, { cause: error });
  }
  if (setting === undefined) return new CutpointError('CUT_USAGE', `${issue?.message}.`, { cause: error });
  const { name, env } = setting;
  const message = `The setting ${name} is missing: give ${flagOf(setting)}, set ${env}, or write it in the configuration file.`;
  return new CutpointError('CUT_USAGE', message, { cause: error });
}

/** A schema's own words where it has a check of its own, else what its kind asks for. */
function expectation(setting: Setting, issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'custom') return issue.message;
  if (issue?.code === 'too_big' && issue.origin === 'array') return `at most ${issue.maximum} values`;
  return expected(setting);
}
