import { CutpointError, type ErrorCode } from '@cutpoint/core';
import type { z } from 'zod';
import { type Calibration, calibrationSchema } from './calibration.js';
import { issueText } from './issue-text.js';
import {
  type LinkProfile,
  linkProfileSchema,
  type ModelProfile,
  modelProfileSchema,
  modelProfileVersion,
} from './profiles.js';
import { type Scenario, scenarioSchema } from './scenario.js';

/**
 * What a scenario file says. `what` names it in errors.
 * @throws CutpointError CUT_SCENARIO with the place and what is wrong there.
 */
export function parseScenario(data: unknown, what = 'The scenario'): Scenario {
  return parsed(scenarioSchema, data, 'CUT_SCENARIO', what);
}

/** @throws CutpointError CUT_PROFILE with the place and what is wrong there. */
export function parseModelProfile(data: unknown): ModelProfile {
  const version = modelProfileVersion.safeParse(data);
  if (version.success && version.data.version !== 2) {
    const message = `The model profile is one of version ${version.data.version}, where this Cutpoint knows version 2: measure again with cutpoint profile.`;
    throw new CutpointError('CUT_PROFILE', message);
  }
  const profile = parsed(modelProfileSchema, data, 'CUT_PROFILE', 'The model profile');
  const { cuts, frontMs, backMs, between } = profile;
  const fail = (what: string): never => {
    throw new CutpointError('CUT_PROFILE', `The model profile is inconsistent: ${what}.`);
  };
  const disordered = cuts.findIndex(({ index }, i) => index !== i);
  if (disordered >= 0) fail(`cut ${cuts[disordered]?.index} stands at place ${disordered}`);
  for (const [name, times] of Object.entries({ frontMs, backMs, ...between })) {
    if (times.length !== cuts.length) fail(`${name} has ${times.length} times for ${cuts.length} cuts`);
  }
  const odd = cuts.find(({ bytes, f32Bytes }) => f32Bytes > bytes);
  if (odd !== undefined) fail(`of ${odd.bytes} bytes at cut ${odd.index}, ${odd.f32Bytes} are said to be f32`);
  const outside = profile.measured.find(({ from, to }) => from >= to || to >= cuts.length);
  if (outside !== undefined) fail(`it measured from cut ${outside.from} to ${outside.to} of ${cuts.length} cuts`);
  return profile;
}

/** @throws CutpointError CUT_CALIBRATION with the place and what is wrong there. */
export function parseCalibration(data: unknown, what = 'The calibration'): Calibration {
  const calibration = parsed(calibrationSchema, data, 'CUT_CALIBRATION', what);
  const fail = (why: string): never => {
    throw new CutpointError('CUT_CALIBRATION', `${what} is inconsistent: ${why}.`);
  };
  for (const [i, { index, codecs, recommended }] of calibration.cuts.entries()) {
    if (index <= (calibration.cuts[i - 1]?.index ?? -1)) fail(`cut ${index} stands at the wrong place`);
    const specs = codecs.map(({ codec }) => codec);
    if (new Set(specs).size < specs.length) fail(`cut ${index} has a codec twice`);
    if (recommended !== null && !specs.includes(recommended)) fail(`cut ${index} has no codec "${recommended}"`);
  }
  return calibration;
}

/** @throws CutpointError CUT_PROFILE with the place and what is wrong there. */
export function parseLinkProfile(data: unknown): LinkProfile {
  return parsed(linkProfileSchema, data, 'CUT_PROFILE', 'The link profile');
}

/** Data that a schema accepts. @throws CutpointError of this code with the place and what is wrong there. */
export function parsed<T>(schema: z.ZodType<T>, data: unknown, code: ErrorCode, what: string): T {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const wrong = issue === undefined ? 'it is not valid' : issueText(issue, data);
  const more = result.error.issues.length - 1;
  const rest = more > 0 ? ` (and ${more} more)` : '';
  throw new CutpointError(code, `${what} is wrong: ${wrong}${rest}.`, { cause: result.error });
}
