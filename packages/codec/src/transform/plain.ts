import { decodeCoefficients, encodeCoefficients } from './coefficients.js';
import type { TransformKernels } from './kernels.js';
import { quantise } from './quantise.js';
import type { TransformTable } from './table.js';
import { forward, inverse, type Transform } from './transform.js';

/** The arithmetic of `transform` in plain TypeScript: it defines what all others compute. */
export function plainTransform(table: TransformTable, transform: Transform): TransformKernels {
  const { step } = table;
  return {
    coefficientsOf: (values, extent) => quantise(forward(transform, values, extent), step),
    valuesOf: (coefficients, extent) => inverse(transform, coefficients, step, extent),
    encode: (encoder, coefficients, extent) => encodeCoefficients(encoder, table, extent, coefficients),
    finish: (encoder) => encoder.finish(),
    decode: (decoder, extent) => decodeCoefficients(decoder, table, extent),
  };
}
