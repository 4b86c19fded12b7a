/** A rank that waits for another one, and has heard nothing from it for so long. */
export interface SilentLink {
  readonly waiting: number;
  readonly silent: number;
  readonly silentMs: number;
}

/**
 * Finds a link that brings nothing any more, though both its ends are there. Ranks that wait for one another in a circle wait
 * for ever: what each of them sent before it waited is lost on its way.
 * @param silentMs by rank, how long it has waited for each other in silence. @param leastMs shorter silences do not count.
 * @returns the longest silence in a circle, undefined without one.
 */
export function silentLink(silentMs: readonly (readonly number[])[], leastMs: number): SilentLink | undefined {
  const links = silentMs.flatMap((row, waiting) =>
    row
      // A rank may speak of more ranks than there are.
      .slice(0, silentMs.length)
      .map((ms, silent) => ({ waiting, silent, silentMs: ms }))
      .filter((link) => link.silentMs >= leastMs),
  );
  const inCircles = links.filter(({ waiting, silent }) => leadsTo(links, silent, waiting));
  return inCircles.toSorted((a, b) => b.silentMs - a.silentMs)[0];
}

function leadsTo(links: readonly SilentLink[], from: number, to: number): boolean {
  const reached = new Set([from]);
  for (const rank of reached) {
    if (rank === to) return true;
    for (const { waiting, silent } of links) if (waiting === rank) reached.add(silent);
  }
  return false;
}
