import { CutpointError } from '@cutpoint/core';
import type { LlmModel, LlmProblem, LlmSide } from './problem.js';

/**
 * @throws CutpointError CUT_USAGE for a prompt longer than the text, or a text longer than the model's context or than what
 * was measured; CUT_CALIBRATION for tables that do not fit the model or one another.
 */
export function checkLlmProblem(problem: LlmProblem): void {
  const { model, agent, remote, promptTokens, lengthTokens, chunkTokens } = problem;
  for (const [name, value] of Object.entries({ promptTokens, lengthTokens, chunkTokens })) {
    if (!Number.isSafeInteger(value) || value < 1) usage(`${name} is ${value}, but must be a whole number from 1 on`);
  }
  if (promptTokens > lengthTokens) {
    usage(`The prompt has ${promptTokens} tokens, but the whole text only ${lengthTokens}`);
  }
  if (lengthTokens > model.contextTokens) {
    usage(`A text of ${lengthTokens} tokens is longer than the model's context of ${model.contextTokens}`);
  }
  for (const [width, bytes] of Object.entries(model.layerBytes)) {
    if (bytes.length !== model.layers) wrong(`width ${width} has bytes of ${bytes.length} of ${model.layers} layers`);
  }
  for (const side of remote === undefined ? [agent] : [agent, remote.side]) {
    checkSide(side, model.layers);
    const measured = side.lengths.at(-1) ?? 0;
    if (lengthTokens > measured) {
      usage(`A text of ${lengthTokens} tokens is longer than the ${measured} that ${side.id} was measured with`);
    }
  }
  for (const { cut, cache, frontWidth, backWidth } of problem.splits) {
    if (!Number.isSafeInteger(cut) || cut < 0 || cut > model.layers) wrong(`there is no cut ${cut}`);
    if (model.cacheBytes[cache] === undefined) wrong(`the cache "${cache}" has no size`);
    for (const width of [frontWidth, backWidth]) {
      if (width !== null && !hasSizes(model, width)) {
        wrong(`the width "${width}" has no sizes`);
      }
    }
  }
}

function hasSizes({ layerBytes, headBytes, loadBytes }: LlmModel, width: string): boolean {
  return [layerBytes, headBytes, loadBytes].every((sizes) => sizes[width] !== undefined);
}

function checkSide({ id, lengths, layers }: LlmSide, count: number): void {
  if (lengths.length === 0 || lengths.some((length, i) => !(length > (lengths[i - 1] ?? 0)))) {
    wrong(`the lengths of ${id} do not ascend`);
  }
  for (const [width, times] of Object.entries(layers)) {
    if (times.length !== count) wrong(`${id} has times of ${times.length} of ${count} layers with width ${width}`);
    const uneven = times.some(({ decodeMs, prefillMs }) =>
      [...Object.values(decodeMs), prefillMs].some((row) => row.length !== lengths.length),
    );
    if (uneven) wrong(`${id} has not one time for each length with width ${width}`);
  }
}

function usage(what: string): never {
  throw new CutpointError('CUT_USAGE', `${what}.`);
}

function wrong(what: string): never {
  throw new CutpointError('CUT_CALIBRATION', `The tables to plan with are inconsistent: ${what}.`);
}
