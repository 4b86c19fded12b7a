import { dirname, isAbsolute, resolve } from 'node:path';
import { CutpointError, messageOf } from '@cutpoint/core';
import {
  type LinkProfile,
  type ModelProfile,
  parseLinkProfile,
  parseModelProfile,
  parseScenario,
  type Scenario,
} from '@cutpoint/plan';
import { parse } from 'yaml';
import type { Trace } from '../links/link-parameters.js';
import { parseTrace } from '../links/trace.js';
import { readLimited } from './read-limited.js';
import { shippedPath } from './shipped.js';
import { type StatedScenario, statedScenario } from './stated-scenario.js';

const maxScenarioBytes = 1_000_000;
const maxTraceBytes = 64_000_000;
const maxProfileBytes = 64_000_000;

/** A scenario with the files that it names. */
export interface LoadedScenario {
  readonly scenario: StatedScenario;
  readonly path: string;
  /** Absolute where the scenario has a path to a model, else the name as it stands there. */
  readonly models: readonly string[];
  /** By position in `scenario.links`; undefined where a link has none. */
  readonly traces: readonly (Trace | undefined)[];
  readonly linkProfiles: readonly (LinkProfile | undefined)[];
  /** By position in `scenario.devices`. */
  readonly deviceProfiles: readonly (ModelProfile | undefined)[];
}

/**
 * Loads a scenario by the path of its YAML file or by the name of a shipped one, with the traces and profiles that it
 * names, which lie beside it.
 * @throws CutpointError CUT_SCENARIO for an unknown name or a file that breaks the schema; CUT_TRACE for a bad trace;
 * CUT_FILE_NOT_FOUND.
 */
export async function loadScenario(nameOrPath: string): Promise<LoadedScenario> {
  const path = (await shippedPath(nameOrPath)) ?? resolve(nameOrPath);
  const text = await readLimited(path, 'The scenario', maxScenarioBytes);
  const said = parseScenario(parseYaml(path, text), `The scenario ${path}`);
  requireChain(said, path);
  const beside = (file: string) => resolve(dirname(path), file);
  const { links } = said;
  const linkProfiles = await Promise.all(
    links.map(({ profile }) => profile && readProfile(parseLinkProfile, beside(profile))),
  ).then(orUndefined);
  return {
    scenario: statedScenario(said, linkProfiles),
    path,
    models: said.models.map((model) => (isPath(model) ? beside(model) : model)),
    traces: await Promise.all(links.map(({ trace }) => trace && readTrace(beside(trace)))).then(orUndefined),
    linkProfiles,
    deviceProfiles: await Promise.all(
      said.devices.map(({ profile }) => profile && readProfile(parseModelProfile, beside(profile))),
    ).then(orUndefined),
  };
}

function orUndefined<T extends object>(values: readonly (T | '' | undefined)[]): (T | undefined)[] {
  return values.map((value) => value || undefined);
}

function isPath(model: string): boolean {
  return isAbsolute(model) || /[/\\]|\.(onnx|json)$/.test(model);
}

async function readTrace(path: string): Promise<Trace> {
  return parseTrace(await readLimited(path, 'The trace', maxTraceBytes), path);
}

async function readProfile<T>(parseProfile: (data: unknown) => T, path: string): Promise<T> {
  const text = await readLimited(path, 'The profile', maxProfileBytes);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (thrown) {
    throw new CutpointError('CUT_PROFILE', `The profile ${path} is not JSON: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
  try {
    return parseProfile(data);
  } catch (thrown) {
    throw new CutpointError('CUT_PROFILE', `${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0, prettyErrors: true });
  } catch (thrown) {
    // The lines behind the first are a picture of the place.
    const reason = (messageOf(thrown).split('\n')[0] ?? '').replace(/[\s:.]+$/, '');
    throw new CutpointError('CUT_SCENARIO', `The scenario ${path} is not valid YAML: ${reason}.`, { cause: thrown });
  }
}

/** A request passes the devices in their order, so each needs a link to the next. */
function requireChain({ devices, links }: Scenario, path: string): void {
  const ids = devices.map(({ id }) => id);
  const wrong = (what: string) => new CutpointError('CUT_SCENARIO', `The scenario ${path} ${what}.`);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw wrong(`has two devices with the id "${twice}"`);
  for (const { from, to } of links) {
    const unknown = [from, to].find((id) => !ids.includes(id));
    if (unknown !== undefined) {
      throw wrong(`has a link to the device "${unknown}", which it does not list; it has ${ids.join(', ')}`);
    }
  }
  const loop = links.find(({ from, to }) => from === to);
  if (loop !== undefined) throw wrong(`has a link from "${loop.from}" to itself`);
  const pairs = links.map(({ from, to }) => JSON.stringify([from, to].sort()));
  const again = links.find((_, i) => pairs.indexOf(pairs[i] ?? '') !== i);
  if (again !== undefined) throw wrong(`has two links between "${again.from}" and "${again.to}"`);
  ids.slice(1).forEach((id, i) => {
    const before = ids[i];
    if (links.some(({ from, to }) => from === before && to === id)) return;
    throw wrong(`has no link from "${before}" to "${id}", which come after one another in the list of devices`);
  });
}
