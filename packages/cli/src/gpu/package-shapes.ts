import { CutpointError } from '@cutpoint/core';
import { type BitWidth, type CodeWidths, floatGroupColumns, type ProductShape } from '@cutpoint/gpu';
import { layerMatrixNames, type PackageManifest, type StoredWeight } from '@cutpoint/llm';

/** One token, and a prompt. */
const rowCounts = [1, 64] as const;

/** Where only the package says how wide weights are. */
const usualActivationBits: BitWidth = 8;

/**
 * The products of a package's layers, each shape once.
 * @param asked default: weights as wide as the package has them, and activations of 8 bits.
 * @throws CutpointError CUT_PACKAGE; CUT_USAGE where neither says how wide weights are.
 */
export function packageShapes(
  { name, layers }: Pick<PackageManifest, 'name' | 'layers'>,
  asked: CodeWidths | undefined,
): readonly ProductShape[] {
  const shapes = new Map<string, ProductShape>();
  for (const { weights } of layers) {
    for (const matrix of layerMatrixNames) {
      const stored = weights[matrix];
      if (stored === undefined) throw new CutpointError('CUT_PACKAGE', `A layer of ${name} lacks ${matrix}.`);
      const { weightBits, activationBits } = asked ?? widthsOf(stored, name);
      for (const rows of rowCounts) {
        const shape = { rows, ...sizesOf(stored), weightBits, activationBits };
        shapes.set(JSON.stringify(shape), shape);
      }
    }
  }
  return [...shapes.values()];
}

function widthsOf(stored: StoredWeight, name: string): CodeWidths {
  if (stored.kind === 'blocks') return { weightBits: stored.bits, activationBits: usualActivationBits };
  const message = `The weights of ${name} are ${stored.dtype}, which says no width: give --bits, such as w4a8.`;
  throw new CutpointError('CUT_USAGE', message);
}

function sizesOf(stored: StoredWeight): Pick<ProductShape, 'outputs' | 'columns' | 'groupSize'> {
  if (stored.kind === 'blocks') return { outputs: stored.rows, columns: stored.columns, groupSize: stored.block };
  const [outputs = 0, columns = 0] = stored.shape;
  return { outputs, columns, groupSize: floatGroupColumns };
}
