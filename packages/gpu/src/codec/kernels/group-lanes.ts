import type { Grouping } from '@cutpoint/codec';

/** How many threads share a group, and how many a workgroup has: columns lie side by side, so that neighbouring threads take one each. */
export interface GroupLanes {
  readonly lanes: number;
  readonly threads: number;
}

export function lanesFor({ length, inner }: Grouping): GroupLanes {
  if (inner > 1) return { lanes: 1, threads: 64 };
  if (length <= 256) return { lanes: 16, threads: 64 };
  return { lanes: 64, threads: 64 };
}

/** Statements that name the group and lane of a thread; a group behind the last is none, and its threads go along. */
export function laneText({ lanes, threads }: GroupLanes): string {
  return `
  let lane = thread % ${lanes}u;
  let group = workgroup * ${threads / lanes}u + thread / ${lanes}u;
  let isGroup = group < params.groups;
  let end = select(0u, params.length, isGroup);
  let start = params.first + firstOf(group);`;
}

/** Statements that join what the lanes of a group have; then lane 0 has it. @param join of the threads `thread` and `other`. */
export function joinLanes({ lanes }: GroupLanes, join: string): string {
  if (lanes === 1) return '';
  return `
  for (var apart = ${lanes / 2}u; apart > 0u; apart /= 2u) {
    workgroupBarrier();
    if (lane < apart) {
      let other = thread + apart;
      ${join}
    }
  }`;
}
