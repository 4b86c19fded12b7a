import { createHash } from 'node:crypto';
import { calibrateTransform, printTransformTable, type TransformTable, transformTableName } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { modelIdentity } from '../package/model-identity.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { hiddenName } from '../split/hidden-rows.js';

/** Hidden states that a table is made of, at most: more take long and change little. */
const mostRows = 20_000;

/** The step in `transform:step=0.3`, the spec of a table that is yet to be made; undefined for another codec. @throws CutpointError CUT_USAGE */
export function stepOf(spec: string): number | undefined {
  const [, text] = /^transform:step=(.*)$/.exec(spec) ?? [];
  if (text === undefined) return undefined;
  const step = /^\d{0,4}\.?\d{1,6}$/.test(text) ? Number(text) : 0;
  if (step >= 0.001 && step <= 100) return step;
  const message = `"${spec.slice(0, 80)}" needs a step from 0.001 to 100, such as transform:step=0.3.`;
  throw new CutpointError('CUT_USAGE', message);
}

/**
 * Makes the table of the codec `transform` for hidden states at a cut, for tokens that cross one by one.
 * @param hidden [tokens, hiddenSize] of several texts.
 * @param step of quantisation over the root mean square of the hidden states, their means taken away.
 * @throws CutpointError CUT_CODEC if there are no hidden states, or they are not finite.
 */
export function tableOfHidden(
  manifest: PackageManifest,
  cut: number,
  hidden: readonly Float32Array[],
  step: number,
): { readonly name: string; readonly table: TransformTable } {
  const { hiddenSize } = manifest.config;
  const modelHash = modelIdentity(manifest);
  const table = calibrateTransform(() => rowsOf(hidden, hiddenSize), {
    modelHash,
    cut,
    tensor: hiddenName,
    geometry: { kind: 'sequence', channels: hiddenSize },
    relativeStep: step,
  });
  const label = `${modelHash.slice(0, 8)}-cut${cut}-step${step}`;
  const sha256 = createHash('sha256').update(printTransformTable(table)).digest('hex');
  return { name: transformTableName(label, sha256), table };
}

function* rowsOf(hidden: readonly Float32Array[], hiddenSize: number): Iterable<Float32Array> {
  const all = hidden.reduce((sum, { length }) => sum + length / hiddenSize, 0);
  // Evenly from all texts, as the last are as good as the first.
  const every = Math.max(1, Math.ceil(all / mostRows));
  let row = 0;
  for (const rows of hidden) {
    for (let at = 0; at < rows.length; at += hiddenSize) {
      if (row++ % every === 0) yield rows.subarray(at, at + hiddenSize);
    }
  }
}
