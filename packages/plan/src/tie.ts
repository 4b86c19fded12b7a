/** How far from now a tie is looked for, as factors. */
const farthest = 1000;
const steps = 60;

/**
 * The factor nearest to 1 (on a logarithmic scale, within a thousand either way) at which `difference` is 0; undefined if
 * nowhere. Straight lines are solved, others searched by steps of 12 % and bisected.
 */
export function tieFactor(difference: (factor: number) => number | undefined): number | undefined {
  const at1 = difference(1);
  const at2 = difference(2);
  const at4 = difference(4);
  if (at1 === undefined) return undefined;
  if (at1 === 0) return 1;
  if (at2 !== undefined && at4 !== undefined && isStraight(at1, at2, at4)) {
    const zero = 1 + at1 / (at1 - at2);
    const value = zero >= 1 / farthest && zero <= farthest ? difference(zero) : undefined;
    if (value !== undefined && Math.abs(value) <= 1e-9 * Math.max(Math.abs(at1), Math.abs(at2))) return zero;
  }
  const ratio = farthest ** (1 / steps);
  let [up, down] = [at1, at1] as (number | undefined)[];
  for (let step = 1; step <= steps; step++) {
    const higher = difference(ratio ** step);
    if (up !== undefined && higher !== undefined && up > 0 !== higher > 0) {
      return bisected(difference, ratio ** (step - 1), ratio ** step);
    }
    const lower = difference(ratio ** -step);
    if (down !== undefined && lower !== undefined && down > 0 !== lower > 0) {
      return bisected(difference, ratio ** (1 - step), ratio ** -step);
    }
    [up, down] = [higher, lower];
  }
  return undefined;
}

function isStraight(at1: number, at2: number, at4: number): boolean {
  return at1 !== at2 && Math.abs(at4 - at2 - 2 * (at2 - at1)) <= 1e-9 * Math.max(Math.abs(at1), Math.abs(at4));
}

function bisected(difference: (factor: number) => number | undefined, near: number, far: number): number {
  const positive = (difference(near) ?? 0) > 0;
  let [a, b] = [near, far];
  for (let i = 0; i < 60; i++) {
    const middle = Math.sqrt(a * b);
    if ((difference(middle) ?? 0) > 0 === positive) a = middle;
    else b = middle;
  }
  return b;
}
