import { describeType, type Tensor } from '@cutpoint/core';
import { classesOf, decodeCtc, topClasses } from '@cutpoint/picture';
import type { ModelOffer } from './model-offer.js';

const shownClasses = 5;

/** A line of an answer and how sure the model is of it, from 0 to 1; undefined where that has no meaning. */
export interface AnswerLine {
  readonly text: string;
  readonly probability?: number;
}

/** The first output of a model in words. @throws CutpointError CUT_INPUT if it is not what was declared */
export function answerLines({ answer }: ModelOffer, output: Tensor): AnswerLine[] {
  if (answer.kind === 'text line') {
    const { text, confidence } = decodeCtc(output, classesOf(answer.keys));
    return [{ text: text === '' ? 'No text' : text, probability: confidence }];
  }
  const labels = answer.kind === 'classes' ? answer.labels : [];
  if (output.dtype !== 'f32') return [{ text: describeType(output.dtype, output.shape) }];
  const nameOf = (index: number) => labels[index] ?? `class ${index}`;
  return topClasses(output, shownClasses).map(({ index, probability }) => ({ text: nameOf(index), probability }));
}
