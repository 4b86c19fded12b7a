/** What a key of a codec may be set to. */
export type KeyKind =
  | { readonly kind: 'number'; readonly min: number; readonly max: number; readonly whole?: true }
  | { readonly kind: 'choice'; readonly of: readonly string[] }
  /** Letters, digits, `.`, `_` and `-`. */
  | { readonly kind: 'name' };

/** A key: without a default it may be left away, unless it is required. */
export type Key = KeyKind & { readonly standard?: number | string; readonly required?: true };

/** The keys of a codec or filter, in the order in which they are printed. */
export type Keys = Readonly<Record<string, Key>>;

const bits = { kind: 'number', min: 2, max: 8, whole: true, standard: 8 } as const;

/** The codecs and their keys. Pictures, which not all ends can code, have specs of their own: image/image-spec.ts. */
export const bases = {
  raw: {},
  f16: {},
  bf16: {},
  affine: { bits, per: { kind: 'choice', of: ['tensor', 'channel', 'token'], standard: 'tensor' } },
  'ts-tabq': {
    delta: { kind: 'number', min: 0, max: 1, standard: 1e-3 },
    rho: { kind: 'number', min: 0, max: 0.05, standard: 1e-3 },
    tau: { kind: 'number', min: 0, max: 1e37 },
    max: bits,
    token: { kind: 'choice', of: ['position', 'channel'], standard: 'position' },
  },
  transform: { table: { kind: 'name', required: true } },
} as const satisfies Readonly<Record<string, Keys>>;
export type BaseName = keyof typeof bases;

/** What may stand before a codec. */
export const filters = {
  /** Against the tensor before: for streams. */
  delta: {},
  /** The share of elements with the largest magnitudes; the others become 0. */
  topk: { keep: { kind: 'number', min: 0, max: 1, standard: 0.1 } },
  /** Only what is not 0 is coded, and where that is. */
  sparse: {},
} as const satisfies Readonly<Record<string, Keys>>;
export type FilterName = keyof typeof filters;
