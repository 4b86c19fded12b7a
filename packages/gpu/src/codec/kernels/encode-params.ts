/** The order of the numbers that the kernels of encoding are told. */
export const encodeParams = [
  'groups',
  'length',
  'inner',
  'elements',
  'first',
  /** Of all groups, or 0 where it is searched for: from 2 to `most`. */
  'width',
  'most',
  /** Whether narrow steps are allowed. */
  'mayBeNarrow',
  /** Outliers that are allowed, of a magnitude above that of these bits. */
  'outliers',
  'least',
  'delta: f32',
] as const;

/** What is found out about the whole tensor: the bits of tau, groups that are too fine for narrow steps, outliers, bytes of codes. */
export const stateText = `
struct State { tau: atomic<u32>, unfit: atomic<u32>, outside: atomic<u32>, codeBytes: atomic<u32> }`;
export const stateBytes = 16;
