import type { LinkParameters } from './link-parameters.js';
import type { RelayStats } from './relay.js';

/** How a link is emulated, as results say it. */
export type LinkEmulation = 'netns-netem' | 'user-space-proxy';

/** What a proxy measured of itself. */
export interface LinkStats extends RelayStats {
  /** Processor time of its process since it began, and for how long it has run. */
  readonly cpuMs: number;
  readonly aliveMs: number;
  /** Whether it runs before other processes, for which it needs an administrator's privileges. */
  readonly prioritised: boolean;
}

/** A link between two neighbouring devices. */
export interface EmulatedLink extends AsyncDisposable {
  /** Where the device on the near side reaches the one on the far side. */
  readonly url: string;
  readonly emulation: LinkEmulation;
  readonly parameters: LinkParameters;
  /** Changes the link for what is sent from now on. Resolves once that holds. */
  set(parameters: LinkParameters): Promise<void>;
  /** Undefined where the kernel emulates the link. */
  stats(): Promise<LinkStats | undefined>;
}

/** The devices of a scenario, ready to be linked. */
export interface Network extends AsyncDisposable {
  readonly emulation: LinkEmulation;
  /** Why the kernel does not emulate the links, in a sentence, if it does not. */
  readonly notes: readonly string[];
  /** What the process of the device at this position of the chain is started through; often nothing. */
  command(device: number): readonly string[];
  /** What the daemon of the device at the far end of this link listens on. */
  listen(link: number): string;
  /** Opens the link at this position of the scenario's list, to what its far end listens on. */
  open(link: number, target: string): Promise<EmulatedLink>;
}
