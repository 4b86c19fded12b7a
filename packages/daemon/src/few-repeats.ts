/** So many kinds are told apart; of more, the one that was heard first is forgotten. */
const mostKinds = 256;

export interface FewRepeatsOptions<T extends readonly unknown[]> {
  /** What makes two of them the same. */
  readonly kindOf: (...what: T) => string;
  /** The same is told so often at most. */
  readonly everyMs?: number;
  /** A clock that never goes back. */
  readonly nowMs?: () => number;
}

/**
 * Passes on what is new at once, and what repeats once a minute, with the number of those that were left out: what goes on
 * failing in the same way must not fill the log.
 */
export function fewRepeats<T extends readonly unknown[]>(
  tell: (untold: number, ...what: T) => void,
  { kindOf, everyMs = 60_000, nowMs = () => performance.now() }: FewRepeatsOptions<T>,
): (...what: T) => void {
  const heard = new Map<string, { toldAtMs: number; untold: number }>();
  return (...what) => {
    const kind = kindOf(...what);
    const known = heard.get(kind);
    const now = nowMs();
    if (known !== undefined && now - known.toldAtMs < everyMs) {
      known.untold += 1;
      return;
    }
    heard.delete(kind);
    heard.set(kind, { toldAtMs: now, untold: 0 });
    const [first] = heard.keys();
    if (heard.size > mostKinds && first !== undefined) heard.delete(first);
    tell(known?.untold ?? 0, ...what);
  };
}
