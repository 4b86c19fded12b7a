import type { FuzzKind } from '../../../core/src/fuzzing.testing.js';
import { brokerKinds } from './broker.testing.js';
import { pageKinds } from './pages.testing.js';
import { readerKinds } from './readers.testing.js';
import { streamKinds } from './streams.testing.js';

/** Every kind of input that the fleet's control takes from others. */
export const controlKinds: readonly FuzzKind[] = [...readerKinds, ...streamKinds, ...brokerKinds, ...pageKinds];
