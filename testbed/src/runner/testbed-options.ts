import type { EmulationChoice } from '../links/network.js';

export interface TestbedOptions {
  /** Path of a scenario, or the name of a shipped one. */
  readonly scenario: string;
  /** Instead of the scenario's own models. */
  readonly models?: readonly string[];
  /** Folder for the rows, so that an interrupted sweep can go on. */
  readonly out: string;
  readonly resume: boolean;
  readonly emulation: EmulationChoice;
  /** About so many plans of each model, beside the single devices. */
  readonly plans: number;
  /** How long each of the two measurements of a plan takes, roughly. */
  readonly secondsEach: number;
  /** How many times slower time passes in the emulation; `auto`: so that this machine is large enough for all devices. */
  readonly dilation: number | 'auto';
  readonly signal: AbortSignal;
  readonly onProgress: (what: string) => void;
}
