/** What a limit is about; limits and their objectives go by names. */
export interface LimitMeasure<Limit extends string> {
  readonly limit: Limit;
  /** As a sentence calls it. */
  readonly name: string;
  readonly unit: string;
  /** Larger is better. */
  readonly larger: boolean;
}

export interface ConflictOf<Limit extends string> {
  /** Limits that contradict one another; without any one of them the others can be kept. Empty: no plan can run at all. */
  readonly limits: readonly {
    readonly limit: Limit;
    readonly asked: number;
    /** The nearest value with which a plan keeps all other limits; undefined: loosening this one alone is not enough. */
    readonly nearest: number | undefined;
  }[];
  /** Says it in words. */
  readonly sentence: string;
}

export interface LimitedSpace<Objective extends string, Limit extends string> {
  readonly measures: Readonly<Record<Objective, LimitMeasure<Limit>>>;
  readonly limits: Readonly<Partial<Record<Limit, number | undefined>>>;
  /** The best value of an objective if the limits of these objectives alone are kept; undefined if no plan keeps them. */
  best(objective: Objective, kept: readonly Objective[]): number | undefined;
  /** Some plan keeps the limits of these objectives. */
  possible(kept: readonly Objective[]): boolean;
}

/**
 * Which limits contradict one another, by leaving out one after the other (the deletion filter of J. Chinneck and E. Dravnieks,
 * ORSA Journal on Computing 3(2), 1991), and how far each would have to be loosened. Undefined if a plan keeps them all.
 * @param given The objectives that have limits; without limits some plan must be possible.
 */
export function conflictOf<Objective extends string, Limit extends string>(
  space: LimitedSpace<Objective, Limit>,
  given: readonly Objective[],
): ConflictOf<Limit> | undefined {
  const { measures, limits } = space;
  if (space.possible(given)) return undefined;
  let conflict = given;
  for (const objective of given) {
    const fewer = conflict.filter((other) => other !== objective);
    if (!space.possible(fewer)) conflict = fewer;
  }
  const found = conflict.map((objective) => ({
    objective,
    measure: measures[objective],
    asked: limits[measures[objective].limit] ?? 0,
    nearest: space.best(
      objective,
      given.filter((other) => other !== objective),
    ),
  }));
  const next = conflictOf(
    space,
    given.filter((objective) => !conflict.includes(objective)),
  );
  const ways = found.map(({ objective, measure, nearest }) => {
    // Where other limits conflict, too, each conflict is told as if the others were gone.
    const own = conflict.filter((other) => other !== objective);
    const value = next === undefined ? nearest : space.best(objective, own);
    return value === undefined
      ? `loosening ${measure.name} alone is not enough`
      : `${boundText(measure, sufficient(value, measure.larger))} would do`;
  });
  const names = found.map(({ measure, asked }) => boundText(measure, asked));
  const conflicting =
    names.length === 1 ? `No plan keeps ${names[0]}` : `No plan keeps ${names.join(' and ')} together`;
  return {
    limits: found.map(({ measure, asked, nearest }) => ({ limit: measure.limit, asked, nearest })),
    sentence: `${conflicting}: the others kept, ${ways.join(', or ')}.${next === undefined ? '' : ` And: ${next.sentence}`}`,
  };
}

/** Six digits of a value, rounded so that it is enough: up for what may be had at most, down for what is wanted at least. */
function sufficient(value: number, larger: boolean): number {
  if (value === 0 || Number.isInteger(value)) return value;
  const step = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 5);
  return Number(((larger ? Math.floor : Math.ceil)(value / step) * step).toPrecision(6));
}

/** Such as `latency at most 25 ms`. */
function boundText({ name, unit, larger }: LimitMeasure<string>, value: number): string {
  const number = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  const quantity = unit === '' || unit.startsWith('/') ? `${number}${unit}` : `${number} ${unit}`;
  return `${name} at ${larger ? 'least' : 'most'} ${quantity}`;
}
