/**
 * A rank that waits for another one, and has heard nothing from it for so long: because the link between them is cut, or because that
 * rank stands still, as where its disk does not answer.
 */
export interface SilentLink {
  readonly kind: 'cut' | 'stuck';
  readonly waiting: number;
  readonly silent: number;
  readonly silentMs: number;
}

/** Silences, in milliseconds. */
export interface SilenceBounds {
  /** Shorter ones do not count. */
  readonly leastMs: number;
  /** No rank computes for so long between two messages. */
  readonly mostMs: number;
}

type Silence = Omit<SilentLink, 'kind'>;

/**
 * Finds a link that brings nothing any more, though both its ends are there. Ranks that wait for one another in a circle wait
 * for ever: what each of them sent before it waited is lost on its way. One that waits for nobody computes, but not for ever.
 * @param silentMs by rank, how long it has waited for each other in silence.
 * @returns the longest silence in a circle, else the longest that is too long for computing; undefined without one. Rank 0, for which
 * others wait between two texts, does not get stuck unseen.
 */
export function silentLink(
  silentMs: readonly (readonly number[])[],
  { leastMs, mostMs }: SilenceBounds,
): SilentLink | undefined {
  const links = silentMs.flatMap((row, waiting) =>
    row
      // A rank may speak of more ranks than there are.
      .slice(0, silentMs.length)
      .map((ms, silent) => ({ waiting, silent, silentMs: ms }))
      .filter((link) => link.silentMs >= leastMs),
  );
  const cut = longest(links.filter(({ waiting, silent }) => leadsTo(links, silent, waiting)));
  if (cut !== undefined) return { kind: 'cut', ...cut };
  const waitsForNobody = (rank: number) => links.every(({ waiting }) => waiting !== rank);
  const stuck = longest(
    links.filter((link) => link.silentMs >= mostMs && link.silent !== 0 && waitsForNobody(link.silent)),
  );
  return stuck && { kind: 'stuck', ...stuck };
}

function longest(links: readonly Silence[]): Silence | undefined {
  return links.toSorted((a, b) => b.silentMs - a.silentMs)[0];
}

function leadsTo(links: readonly Silence[], from: number, to: number): boolean {
  const reached = new Set([from]);
  for (const rank of reached) {
    if (rank === to) return true;
    for (const { waiting, silent } of links) if (waiting === rank) reached.add(silent);
  }
  return false;
}
