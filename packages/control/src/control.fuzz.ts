import { itWithstands } from '../../core/src/fuzz-sample.testing.js';
import { controlKinds } from './fuzz/kinds.testing.js';

itWithstands(controlKinds, 70_000);
