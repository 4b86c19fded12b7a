export { type CodecId, codecIds, decodeCrossing, encodeCrossing } from './crossing.js';
export { decodeSymbols, encodeSymbols, type SymbolLayout } from './entropy/symbols.js';
export { frequenciesOf, StaticTable } from './entropy/table.js';
export type {
  CodeForm,
  Grouping,
  Kernels,
  Outliers,
  Steps,
  TabqOptions,
} from './kernels/kernels.js';
export { typescriptKernels } from './kernels/typescript.js';
