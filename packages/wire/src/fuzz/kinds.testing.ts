import type { FuzzKind } from '../../../core/src/fuzzing.testing.js';
import { connectionKinds } from './connections.testing.js';
import { decoderKinds } from './decoders.testing.js';
import { messageKinds } from './messages.testing.js';

/** Every kind of input that the wire takes from others. */
export const wireKinds: readonly FuzzKind[] = [...decoderKinds, ...connectionKinds, ...messageKinds];
