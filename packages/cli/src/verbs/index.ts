import type { Verb } from '../verb.js';
import { agent } from './agent.js';
import { run } from './run.js';
import { serve } from './serve.js';

/** Every verb, in the order of the help text. */
export const verbs: readonly Verb[] = [run, serve, agent];
