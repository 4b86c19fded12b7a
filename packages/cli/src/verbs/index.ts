import type { Verb } from '../verb.js';
import { agent } from './agent.js';
import { bench } from './bench.js';
import { cuts } from './cuts.js';
import { run } from './run.js';
import { serve } from './serve.js';
import { split } from './split.js';
import { verify } from './verify.js';

/** Every verb, in the order of the help text. */
export const verbs: readonly Verb[] = [cuts, split, verify, run, serve, agent, bench];
