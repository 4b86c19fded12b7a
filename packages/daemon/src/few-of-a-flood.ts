/** How often strangers are told of in a second. */
const perSecond = 20;

/**
 * Passes on what strangers cause, but only some of a flood, so that they cannot fill the log: the next that is told comes
 * with the number of those that were not.
 * @param nowMs a clock that never goes back
 */
export function fewOfAFlood<T extends readonly unknown[]>(
  tell: (untold: number, ...what: T) => void,
  nowMs: () => number = () => performance.now(),
): (...what: T) => void {
  let second = 0;
  let told = 0;
  let untold = 0;
  return (...what) => {
    const now = Math.floor(nowMs() / 1000);
    if (now !== second) {
      second = now;
      told = 0;
    }
    if (told >= perSecond) {
      untold++;
      return;
    }
    told++;
    const before = untold;
    untold = 0;
    tell(before, ...what);
  };
}
