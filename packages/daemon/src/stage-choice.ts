import { checkCrossing, maxSpecLength } from '@cutpoint/codec';
import { CutpointError, type DType, elementCount, messageOf } from '@cutpoint/core';
import type { CutIdentity, SplitModel } from '@cutpoint/runtime';
import { z } from 'zod';

/** Most cuts of one split. */
export const maxCuts = 16;

/** The spec of a codec under which tensors can cross a cut. */
export const codecSpec = z
  .string()
  .max(maxSpecLength)
  .superRefine((spec, context) => {
    try {
      checkCrossing(spec);
    } catch (thrown) {
      const message = `specs of codecs (${messageOf(thrown).replace(/\.$/, '')})`;
      context.addIssue({ code: 'custom', message });
    }
  });

/** Where a model is cut and how the tensors cross: what all devices of a chain must agree on. */
export const splitChoice = z
  .object({
    /** The cuts, ascending. */
    at: z.array(z.int().min(0)).min(1).max(maxCuts),
    /** One for each cut. */
    codecs: z.array(codecSpec).max(maxCuts),
  })
  .refine(({ at, codecs }) => at.length === codecs.length, 'one codec for each cut');
export type SplitChoice = z.output<typeof splitChoice>;

/** Which segment of a split a request is for; the first, 0, is the agent's. */
export const stageRequest = z.intersection(splitChoice, z.object({ segment: z.int().min(1).max(maxCuts) }));
export type StageRequest = z.output<typeof stageRequest>;

/** A request that lasts: sent again and again, it is encoded only once. */
export function stageRequestOf({ at, codecs }: SplitChoice, segment: number): StageRequest {
  const request = { at: [...at], codecs: [...codecs], segment };
  Object.freeze(request.at);
  Object.freeze(request.codecs);
  return Object.freeze(request);
}

/** One codec stands for all cuts. @throws CutpointError CUT_USAGE if there are neither one nor as many as cuts. */
export function codecsFor(cuts: number, codecs: readonly string[]): string[] {
  const [only] = codecs;
  if (codecs.length === 1 && only !== undefined) return new Array<string>(cuts).fill(only);
  if (codecs.length === cuts) return [...codecs];
  const message = `There are ${codecs.length} codecs for ${cuts} cuts: give one for all, or one for each.`;
  throw new CutpointError('CUT_USAGE', message);
}

/** @throws CutpointError CUT_USAGE if the model is not cut. */
export function needCuts<M extends Pick<SplitModel, 'cuts'>>(model: M): M {
  if (model.cuts.length > 0) return model;
  const help = 'give cuts, as `cutpoint cuts` lists them, or a segments.json.';
  throw new CutpointError('CUT_USAGE', `--at is missing: ${help}`);
}

/** The outputs of the whole model that the segments from this one on give. */
export function answersFrom({ segments }: Pick<SplitModel, 'segments'>, segment: number): string[] {
  return segments.slice(segment).flatMap(({ answers }) => answers);
}

/** The element types of what crosses a cut, before it is encoded. */
export function dtypesOf(cut: CutIdentity): ReadonlyMap<string, DType> {
  return new Map(cut.tensors.map(({ name, dtype }) => [name, dtype]));
}

/** A batch or sequence may be longer than what the cut was measured with, but not without end. */
const mostTimesLonger = 64;
const leastLimit = 1 << 20;

/** The most elements that a tensor may have when it has crossed this cut. */
export function mostElements(cut: CutIdentity): number {
  return Math.max(leastLimit, ...cut.tensors.map(({ shape }) => elementCount(shape) * mostTimesLonger));
}
