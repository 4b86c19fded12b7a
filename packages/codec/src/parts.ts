import { CutpointError } from '@cutpoint/core';
import type { FloatTensorType } from './floats.js';
import type { GroupingName } from './grouping.js';
import type { CodeForm, Grouping, Outliers, Steps } from './kernels/kernels.js';
import { packCodes, unpackCodes } from './kernels/pack.js';

/**
 * What a payload holds of the elements of a tensor: between the arithmetic, which may be done elsewhere (on a GPU), and the bytes,
 * which are written and read here alone.
 */
export type Parts =
  | {
      readonly kind: 'steps';
      readonly grouping: Grouping;
      readonly form: CodeForm;
      readonly steps: Steps;
      readonly outliers: Outliers | undefined;
    }
  /** Elements as they lie in bytes, in this format. */
  | { readonly kind: 'elements'; readonly format: ElementFormat; readonly bytes: Uint8Array };

export type ElementFormat = FloatTensorType['dtype'];

/** Where the parts lie in bytes that no entropy coder wrote. */
export type PartPlaces =
  | {
      readonly kind: 'steps';
      /** Where the outliers' gaps begin, as varints, and behind them their values; they are as many as `parts.outliers` has. */
      readonly outliers: { readonly gapsAt: number; readonly valuesAt: number } | undefined;
      /** Where three bits for the width of each group begin: 0, or 1 to 7 for 2 to 8; or the one width of all groups. */
      readonly widths: { readonly at: number } | { readonly all: number };
      /** The low of each group, and then the scale of each that has a width: binary16 if narrow, else f32. */
      readonly lowsAt: number;
      readonly scalesAt: number;
      readonly codesAt: number;
    }
  | { readonly kind: 'elements'; readonly at: number };

/** A payload whose elements are still to be computed; it was checked as `Codec.decode` checks it. */
export interface OpenedPayload {
  readonly type: FloatTensorType;
  readonly parts: Parts;
  readonly places: PartPlaces;
  /** Where `places` are: the payload, or where an entropy coder wrote it what it stands for, as the codec without that coder has it. */
  readonly bytes: Uint8Array;
}

/** What computes parts. */
export type PartsSettings =
  | { readonly name: 'raw' | 'f16' | 'bf16' }
  | { readonly name: 'affine'; readonly bits: number; readonly per: GroupingName }
  | ({ readonly name: 'ts-tabq' } & TabqSettings);

/** What `ts-tabq` is set to; see docs/codecs.md. */
export interface TabqSettings {
  readonly delta: number;
  /** The share of elements that are outliers, where no `tau` is given. */
  readonly rho: number;
  readonly tau: number | undefined;
  readonly max: number;
  readonly token: 'position' | 'channel';
}

/** A codec whose arithmetic may be done elsewhere. */
export interface PartsCodec {
  readonly settings: PartsSettings;
  /** Whether an entropy coder writes the parts. */
  readonly entropyCoded: boolean;
  /** The payload of parts that were computed for a tensor of this type, codes packed. */
  seal(parts: Parts, type: FloatTensorType): Uint8Array<ArrayBuffer>;
  /** Reads a payload. @throws CutpointError CUT_CODEC_PAYLOAD as `Codec.decode` does. */
  open(payload: Uint8Array, limits: { readonly maxElements: number }): OpenedPayload;
}

/** Parts whose codes are in this form. */
export function inForm(parts: Parts, form: CodeForm): Parts {
  if (parts.kind === 'elements' || parts.form === form) return parts;
  const { steps, grouping } = parts;
  const change = form === 'packed' ? packCodes : unpackCodes;
  return { ...parts, form, steps: { ...steps, codes: change(steps.codes, grouping, steps.widths) } };
}

export function stepsOf(parts: Parts): Parts & { readonly kind: 'steps' } {
  if (parts.kind === 'steps') return parts;
  throw new CutpointError('CUT_INTERNAL', 'A codec of steps was given elements.');
}

export function elementsOf(parts: Parts): Parts & { readonly kind: 'elements' } {
  if (parts.kind === 'elements') return parts;
  throw new CutpointError('CUT_INTERNAL', 'A codec of elements was given steps.');
}
