/**
 * What has come to a log since it was read, from its last lines then and now: what follows the longest end of `before` that
 * `now` begins with. Both are read with the same limit. All of `now` where they have nothing in common, as after a restart.
 */
export function newLines(before: readonly string[], now: readonly string[]): readonly string[] {
  for (let start = Math.max(0, before.length - now.length); start < before.length; start++) {
    if (before.slice(start).every((line, i) => line === now[i])) return now.slice(before.length - start);
  }
  return now;
}
