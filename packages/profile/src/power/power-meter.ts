import type { Power } from '@cutpoint/plan';

/** Something that knows how much power this device takes. */
export interface PowerMeter {
  readonly source: Exclude<Power['source'], 'stated'>;
  /** What it measures, in words for people. */
  readonly what: string;
  /** Begins to measure. Whoever begins must end it. */
  watch(): Promise<PowerWatch>;
}

/** A measurement under way. */
export interface PowerWatch {
  /** Ends it and gives the mean power in watts since it began. @throws CutpointError CUT_POWER if the meter fails. */
  stop(): Promise<number>;
}

/** Where meters look, and what time it is; only tests set these. */
export interface MeterSurroundings {
  /** Stands before `/sys` and the like. */
  readonly root?: string;
  readonly nowMs?: () => number;
  /** Gives what a command prints, or undefined where there is no such command. */
  readonly command?: (name: string, args: readonly string[]) => Promise<string | undefined>;
}
