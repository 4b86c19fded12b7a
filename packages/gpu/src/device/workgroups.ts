/** Most workgroups in one dimension, on any adapter. */
const mostGroups = 65_535;

/** Workgroups for so many pieces of work, each of which does `each`. The number of one is `y * (groups in x) + x`; the last may have nothing to do. */
export function workgroupsFor(pieces: number, each: number): readonly [number, number, number] {
  const groups = Math.ceil(pieces / each);
  const rows = Math.ceil(groups / mostGroups);
  return [Math.ceil(groups / Math.max(1, rows)), rows, 1];
}
