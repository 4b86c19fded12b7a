export { listProviders } from './segment/list-providers.js';
export { loadSegment } from './segment/load-segment.js';
export type {
  OutputSpec,
  ProviderInfo,
  RunOptions,
  RunResult,
  RunTiming,
  Segment,
  SegmentOptions,
  SegmentSource,
  UncarriedOutput,
} from './segment/segment.js';
