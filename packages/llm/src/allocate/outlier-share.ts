import type { CheckpointTensor, LayerTensorName, LayerTensors } from '../checkpoint/checkpoint.js';
import { readFloats } from '../checkpoint/decode-rows.js';

const matrices: readonly LayerTensorName[] = ['query', 'key', 'value', 'out', 'gate', 'up', 'down'];
/** Weights that are read at once. */
const sliceWeights = 1 << 20;

/**
 * ZD: the share of a layer's weights more than one standard deviation above their mean, over all its matrices. A layer with a
 * smaller share is more important (R. Dumitru et al., "Layer-Wise Quantization", 2024). Reads all weights twice, a few rows at a time.
 * @throws CutpointError CUT_CHECKPOINT
 */
export async function outlierShare(layer: LayerTensors): Promise<number> {
  const tensors = matrices.flatMap((name) => layer[name] ?? []);
  let [count, sum, squares] = [0, 0, 0];
  await eachSlice(tensors, (weights) => {
    count += weights.length;
    for (const weight of weights) {
      sum += weight;
      squares += weight * weight;
    }
  });
  const mean = sum / count;
  const border = mean + Math.sqrt(squares / count - mean ** 2);
  let above = 0;
  await eachSlice(tensors, (weights) => {
    for (const weight of weights) if (weight > border) above += 1;
  });
  return above / count;
}

async function eachSlice(tensors: readonly CheckpointTensor[], use: (weights: Float32Array) => void): Promise<void> {
  for (const tensor of tensors) {
    const step = Math.max(1, Math.floor(sliceWeights / tensor.columns));
    for (let first = 0; first < tensor.rows; first += step) {
      use(await readFloats(tensor, first, Math.min(step, tensor.rows - first)));
    }
  }
}
