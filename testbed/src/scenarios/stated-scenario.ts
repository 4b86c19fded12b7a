import { CutpointError } from '@cutpoint/core';
import type { LinkProfile, Scenario, ScenarioLink } from '@cutpoint/plan';

/** A link with figures, stated or probed. */
export interface StatedLink extends ScenarioLink {
  readonly rateMbit: number;
  readonly delayMs: number;
  /** See `LinkParameters`. */
  readonly retransmitMs?: number | undefined;
}

/** A scenario whose links all have figures. */
export interface StatedScenario extends Scenario {
  readonly links: StatedLink[];
}

/**
 * A scenario whose links without figures are as they were probed.
 * @param linkProfiles by position of the link.
 */
export function statedScenario(
  scenario: Scenario,
  linkProfiles: readonly (LinkProfile | undefined)[] = [],
): StatedScenario {
  return { ...scenario, links: scenario.links.map((link, i) => withFigures(link, linkProfiles[i])) };
}

function withFigures(link: ScenarioLink, profile: LinkProfile | undefined): StatedLink {
  const { rateMbit, delayMs } = link;
  if (rateMbit !== undefined && delayMs !== undefined) return { ...link, rateMbit, delayMs };
  if (profile === undefined) throw new CutpointError('CUT_INTERNAL', 'A link has neither figures nor a profile.');
  const figures = ({ bytesPerS, fixedMs }: LinkProfile['up']) => ({ rateMbit: bytesPerS / 125_000, delayMs: fixedMs });
  const up = figures(profile.up);
  return { ...link, ...up, up: { ...up, ...link.up }, down: { ...figures(profile.down), ...link.down } };
}
