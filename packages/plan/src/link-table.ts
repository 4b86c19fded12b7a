import { CutpointError } from '@cutpoint/core';
import type { PlanLink } from './problem.js';
import type { LinkProfile } from './profiles.js';
import type { Scenario } from './scenario.js';
import { composed, probedLink, reversed, statedLink } from './stated-link.js';

/** Probed links; `from` and `to` as in the scenario. */
export interface ProbedLink {
  readonly from: string;
  readonly to: string;
  readonly profile: LinkProfile;
}

/**
 * `links[a][b]` for a < b: the link that the scenario names, probed figures before stated ones, or the links in between put
 * together.
 * @throws CutpointError CUT_SCENARIO for a device that does not exist, a link to itself, or two links between two devices.
 */
export function linkTable(scenario: Scenario, probed: readonly ProbedLink[]): (PlanLink | undefined)[][] {
  const indexOf = new Map(scenario.devices.map(({ id }, i) => [id, i]));
  if (indexOf.size < scenario.devices.length) fail(`Two devices of scenario "${scenario.name}" have the same id.`);
  const table = scenario.devices.map(() => scenario.devices.map((): PlanLink | undefined => undefined));
  const endsOf = ({ from, to }: { from: string; to: string }) => {
    const [a, b] = [from, to].map((id) => {
      const index = indexOf.get(id);
      return (
        index ??
        fail(`The link from "${from}" to "${to}" names "${id}"; devices are ${[...indexOf.keys()].join(', ')}.`)
      );
    }) as [number, number];
    return a === b ? fail(`A link of "${from}" leads to itself.`) : { a, b };
  };
  const set = ({ a, b }: { a: number; b: number }, link: PlanLink) => {
    const row = table[Math.min(a, b)];
    if (row !== undefined) row[Math.max(a, b)] = a < b ? link : reversed(link);
  };
  for (const link of scenario.links) {
    const ends = endsOf(link);
    if (table[Math.min(ends.a, ends.b)]?.[Math.max(ends.a, ends.b)] !== undefined) {
      fail(`There are two links between "${link.from}" and "${link.to}".`);
    }
    const stated = statedLink(link);
    if (stated !== undefined) set(ends, stated);
  }
  for (const { from, to, profile } of probed) set(endsOf({ from, to }), probedLink(`${from}-${to}`, profile));
  return withWaysAround(table);
}

/** Fills in what is not linked but reachable over devices in between, nearest neighbours first. */
function withWaysAround(table: (PlanLink | undefined)[][]): (PlanLink | undefined)[][] {
  for (let span = 2; span < table.length; span++) {
    for (let a = 0; a + span < table.length; a++) {
      const b = a + span;
      const row = table[a];
      if (row === undefined || row[b] !== undefined) continue;
      for (let middle = b - 1; middle > a && row[b] === undefined; middle--) {
        const first = row[middle];
        const second = table[middle]?.[b];
        if (first !== undefined && second !== undefined) row[b] = composed(first, second);
      }
    }
  }
  return table;
}

function fail(sentence: string): never {
  throw new CutpointError('CUT_SCENARIO', sentence);
}
