import { itWithstands } from '../../core/src/fuzz-sample.testing.js';
import { wireKinds } from './fuzz/kinds.testing.js';

itWithstands(wireKinds, 130_000);
