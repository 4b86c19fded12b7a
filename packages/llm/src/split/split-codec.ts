import { checkCrossing, tableNamed } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';

/** @throws CutpointError CUT_USAGE if hidden states cannot cross a cut by this codec. */
export function requireSplitCodec(spec: string): void {
  checkCrossing(spec);
  if (tableNamed(spec) === undefined) return;
  throw new CutpointError('CUT_USAGE', `The codec "${spec}" needs a table of a cut of an ONNX model; choose another.`);
}
