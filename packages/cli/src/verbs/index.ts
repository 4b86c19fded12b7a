import type { Verb } from '../verb.js';

/** Every verb, in the order of the help text. */
export const verbs: readonly Verb[] = [];
