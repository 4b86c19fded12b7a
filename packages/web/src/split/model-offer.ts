import { CutpointError } from '@cutpoint/core';
import type { PictureFit } from '@cutpoint/picture';

/** What a server offers of a model that may be split. */
export interface ModelOffer {
  readonly name: string;
  readonly modelHash: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly (number | string | null)[];
  }[];
  readonly outputs: readonly string[];
  readonly choices: readonly CutChoice[];
  readonly codecs: readonly string[];
  /** How it takes pictures; null if nothing says so. */
  readonly pictures: { readonly layout: 'nhwc' | 'nchw'; readonly fit: PictureFit } | null;
  readonly answer:
    | { readonly kind: 'numbers' }
    | { readonly kind: 'classes'; readonly labels: readonly string[] }
    | { readonly kind: 'text line'; readonly keys: string };
}

export interface CutChoice {
  readonly at: readonly number[];
  readonly name: string;
  readonly bytes: number;
}

/** What the server says of a front segment. */
export interface FrontSegment {
  readonly model: { readonly hash: string; readonly bytes: number } | null;
  readonly sends: readonly string[];
  readonly answers: readonly string[];
}

/**
 * The page and the server are of one build as long as the page is not older: what is looked at here is whether it is.
 * @throws CutpointError CUT_WIRE_MALFORMED
 */
export function readOffer(part: unknown): ModelOffer {
  const { name, modelHash, inputs, outputs, choices, codecs, answer } = (part ?? {}) as Partial<ModelOffer>;
  const texts = typeof name === 'string' && typeof modelHash === 'string' && typeof answer?.kind === 'string';
  if (texts && [inputs, outputs, choices, codecs].every(Array.isArray)) return part as ModelOffer;
  throw otherVersion();
}

/** @throws CutpointError CUT_WIRE_MALFORMED */
export function readSegment(meta: unknown): FrontSegment {
  const { model, sends, answers } = meta as Partial<FrontSegment>;
  const named = model === null || (typeof model?.hash === 'string' && Number.isSafeInteger(model.bytes));
  if (named && Array.isArray(sends) && Array.isArray(answers)) return meta as FrontSegment;
  throw otherVersion();
}

function otherVersion(): CutpointError {
  return new CutpointError('CUT_WIRE_MALFORMED', 'The server is of another version than this page: reload the page.');
}
