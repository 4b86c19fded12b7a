import type { CalibratedCodec, Calibration } from './calibration.js';

/** A codec that loses nothing and takes no time, but for what is said otherwise. */
export function codecOf(codec: string, changes: Partial<CalibratedCodec>): CalibratedCodec {
  return {
    codec,
    n: 100,
    top1Whole: 0.7,
    top1Split: 0.7,
    top1Drop: 0,
    top1DropStderr: 0,
    agreement: 1 - (changes.accuracyLoss ?? 0),
    agreementStderr: 0,
    klDivergence: 0,
    bytesPerSample: 1000,
    bytesStderr: null,
    encodeMs: 0,
    decodeMs: 0,
    accuracyLoss: 0,
    onFront: true,
    ...changes,
  };
}

/** A calibration of one cut of the model that `profileOf` describes. */
export function calibrationOf(
  index: number,
  name: string,
  bytes: number,
  codecs: readonly CalibratedCodec[],
): Calibration {
  return {
    format: 'cutpoint-calibration',
    version: 1,
    model: { name: 'net.onnx', hash: 'a'.repeat(64), dims: { batch: 1 } },
    dataSet: { name: 'pictures', labelled: true, rows: 133, calibratedOn: 0, measuredOn: 100, broken: 0 },
    runtime: { name: 'onnxruntime', version: '1.2.3' },
    measuredAt: '2025-01-01T00:00:00Z',
    maxLoss: 0.02,
    cuts: [{ index, name, bytes, recommended: codecs[0]?.codec ?? null, codecs: [...codecs], refused: [] }],
  };
}
