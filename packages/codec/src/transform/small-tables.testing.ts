import { calibrateTransform } from './calibrate.js';
import type { Geometry, TransformTable } from './table.js';

/** Tables made by calibration on a little noise, by name, and shapes of tensors that their codecs carry. */
export const smallTables: ReadonlyMap<string, TransformTable> = new Map(
  Object.entries({
    map: tableFor({ kind: 'map', channels: 3, height: 4, width: 5 }),
    sequence: tableFor({ kind: 'sequence', channels: 6 }),
  }),
);
export const smallShapes: Readonly<Record<string, readonly (readonly number[])[]>> = {
  map: [
    [2, 3, 4, 5],
    [0, 3, 4, 5],
    [1, 3, 4, 5],
  ],
  sequence: [[6], [0, 6], [2, 0, 6], [1, 1, 6], [4, 6], [2, 3, 6], [1, 2, 1, 2, 6], [1, 7, 6]],
};

function tableFor(geometry: Geometry): TransformTable {
  const samples = Array.from({ length: 40 }, (_, s) =>
    Float32Array.from({ length: 60 }, (_, i) => Math.sin(s * 61 + i) + ((s * i) % 7) / 7 - 0.4),
  );
  const identity = { modelHash: '0'.repeat(64), cut: 1, tensor: 'x' };
  return calibrateTransform(() => samples, { ...identity, geometry, relativeStep: 0.25 });
}
