import type { PackagePart, StoredWeight } from '../package/package-manifest.js';

/** What a part of a package takes in memory, in bytes. */
export interface PartMemory {
  /** Its weights in the order of the runtime's kernels, and what stays beside them. */
  readonly heldBytes: number;
  /** Beside all that while it is read. */
  readonly loadBytes: number;
}

/** Matrices of f16 are widened, all before the first is put in order, which leaves gaps: measured 2.2 bytes for each of a file. */
const perHalfByte = 2.2;
/**
 * Codes are put in order with two f32 for each block, its scale and a sum; the scales of the file stay as well. On processors
 * with other kernels it is a little more or less, which the factor of a calibration says.
 */
const scalesHeld = 3;

/** Memory of a part, from the forms of its weights. */
export function memoryOfPart<Name extends string>({ weights }: PackagePart<Name>): PartMemory {
  const forms = Object.values<StoredWeight | undefined>(weights).filter((weight) => weight !== undefined);
  return {
    heldBytes: forms.reduce((sum, weight) => sum + heldBytes(weight), 0),
    loadBytes: Math.max(0, ...forms.map(loadBytes)),
  };
}

/** What a weight takes in memory once it is open. */
export function heldBytes(weight: StoredWeight): number {
  if (weight.kind === 'float') return weight.dtype === 'f16' ? perHalfByte * weight.span.bytes : weight.span.bytes;
  return weight.codes.bytes + scalesHeld * weight.scales.bytes + (weight.zeroPoints?.bytes ?? 0);
}

/** A matrix that was widened lies there twice while it is put in order; others are pages of their file until then. */
function loadBytes(weight: StoredWeight): number {
  return weight.kind === 'float' && weight.dtype === 'f16' ? 2 * weight.span.bytes : 0;
}
