import type { PlanLink } from './problem.js';
import type { LinkProfile } from './profiles.js';
import type { ScenarioLink } from './scenario.js';

/** Bytes of a full TCP segment on Ethernet. */
const segmentBytes = 1460;

interface Figures {
  readonly rateMbit: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly lossPct: number;
}

/**
 * A link of its stated figures. Fixed is the mean one-way delay; with loss the rate is at most what TCP sustains,
 * `segment / round trip * sqrt(3 / (2 * loss))` (M. Mathis, J. Semke, J. Mahdavi, T. Ott, Computer Communication Review 27(3),
 * 1997, without delayed acknowledgements). Undefined for a link that states none.
 */
export function statedLink(link: ScenarioLink): PlanLink | undefined {
  const { rateMbit, delayMs } = link;
  if (rateMbit === undefined || delayMs === undefined) return undefined;
  const figuresOf = (direction: ScenarioLink['up']): Figures => ({
    rateMbit: direction?.rateMbit ?? rateMbit,
    delayMs: direction?.delayMs ?? delayMs,
    jitterMs: direction?.jitterMs ?? link.jitterMs,
    lossPct: direction?.lossPct ?? link.lossPct,
  });
  const up = figuresOf(link.up);
  const down = figuresOf(link.down);
  const roundTripMs = meanDelayMs(up) + meanDelayMs(down);
  const direction = (figures: Figures) => ({
    fixedMs: meanDelayMs(figures),
    bytesPerS: Math.min(figures.rateMbit * 125_000, lossBound(figures.lossPct / 100, roundTripMs)),
  });
  return { id: `${link.from}-${link.to}`, up: direction(up), down: direction(down) };
}

export function probedLink(id: string, { up, down }: LinkProfile): PlanLink {
  return { id, up, down };
}

export function reversed({ id, up, down }: PlanLink): PlanLink {
  return { id, up: down, down: up };
}

/** One link after the other: delays add up, the slower rate holds (what relays is assumed to pass bytes on as they come). */
export function composed(first: PlanLink, second: PlanLink): PlanLink {
  const direction = (a: PlanLink['up'], b: PlanLink['up']) => ({
    fixedMs: a.fixedMs + b.fixedMs,
    bytesPerS: Math.min(a.bytesPerS, b.bytesPerS),
  });
  return {
    id: `${first.id}+${second.id}`,
    up: direction(first.up, second.up),
    down: direction(first.down, second.down),
  };
}

/** Jitter is drawn evenly from both sides of the delay; where that would be negative, it is 0, which raises the mean. */
function meanDelayMs({ delayMs, jitterMs }: Figures): number {
  return jitterMs <= delayMs ? delayMs : (delayMs + jitterMs) ** 2 / (4 * jitterMs);
}

function lossBound(share: number, roundTripMs: number): number {
  if (share === 0 || roundTripMs === 0) return Infinity;
  return (segmentBytes / (roundTripMs / 1000)) * Math.sqrt(3 / (2 * share));
}
