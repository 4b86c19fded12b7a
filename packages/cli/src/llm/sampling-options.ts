import type { Command } from 'commander';
import { parseNumber } from '../options.js';

/** The options that leave fewer tokens to choose from. */
export interface SamplingOptions {
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
}

export function addSamplingOptions(command: Command): Command {
  return command
    .option('--top-k <n>', 'only so many of the likeliest tokens (default: all)', parseNumber)
    .option('--top-p <share>', 'only the likeliest that together have this share (default: 1)', parseNumber)
    .option('--min-p <share>', 'only those this share as likely as the likeliest (default: 0)', parseNumber)
    .option('--repetition-penalty <n>', 'above 1, what was said becomes less likely (default: 1)', parseNumber);
}
