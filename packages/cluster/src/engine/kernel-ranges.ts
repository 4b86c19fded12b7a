import { CutpointError } from '@cutpoint/core';
import { externalRange, isExternal, type Model } from '@cutpoint/graph';
import type { FileSpan } from '@cutpoint/llm';

/**
 * Where in a file that the runtime wrote (`saveReordered`) the bytes lie that its kernels read, in the order of the graph: of a weight
 * that it reordered that form alone.
 * @throws CutpointError CUT_EXTERNAL_DATA if an entry is not as the runtime writes it.
 */
export function kernelRanges(model: Model): FileSpan[] {
  return model.graph.initializer.filter(isExternal).flatMap((tensor) => {
    const reordered = tensor.externalData.filter(({ key }) => key.startsWith('prepacked_'));
    if (reordered.length > 0) return reordered.flatMap(({ value }) => reorderedRanges(value));
    const { offset, length } = externalRange(tensor);
    return [{ offset, bytes: length }];
  });
}

/** `key|offset;length;checksum;offset;...`, as `PrepackedWeightsForGraph` of onnxruntime 1.30 writes it. */
function reorderedRanges(entry: string): FileSpan[] {
  const numbers = entry
    .slice(entry.lastIndexOf('|') + 1)
    .split(';')
    .map(Number);
  const ranges: FileSpan[] = [];
  for (let i = 0; i < numbers.length; i += 3) {
    const [offset = Number.NaN, bytes = Number.NaN] = numbers.slice(i, i + 2);
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(bytes) || offset < 0 || bytes < 1) {
      throw new CutpointError(
        'CUT_EXTERNAL_DATA',
        `The runtime wrote "${entry}" where ranges of reordered weights were due.`,
      );
    }
    ranges.push({ offset, bytes });
  }
  return ranges;
}
