import type { Floats } from '../payload.js';
import type { ReduceCall } from './reduce-call.js';
import { sumInOrder } from './sum.js';

/**
 * Each rank sends to the next one only, 1/ranks of the values at a time: partial sums go round until each rank has one
 * part of the whole sum, then these go round. The fewest bytes per rank, and 2 (ranks - 1) hops.
 * Patarasuk and Yuan, Bandwidth optimal all-reduce algorithms for clusters of workstations, 2009.
 */
export async function ring(call: ReduceCall, values: Floats): Promise<void> {
  const { rank, ranks } = call;
  const [right, left] = [(rank + 1) % ranks, (rank + ranks - 1) % ranks];
  const partOf = (number: number): Floats => {
    const part = (number + 2 * ranks) % ranks;
    return values.subarray(ringStart(part, ranks, values.length), ringStart(part + 1, ranks, values.length));
  };
  for (let step = 0; step < ranks - 1; step++) {
    call.send(call.carry(partOf(rank - step)), right);
    const part = partOf(rank - step - 1);
    const carrier = await call.receive(left, part.length);
    sumInOrder([call.valuesOf(carrier, part.length), part], part);
  }
  const whole = partOf(rank + 1);
  let carrier = call.carry(whole);
  whole.set(call.valuesOf(carrier, whole.length));
  for (let step = 0; step < ranks - 1; step++) {
    // Passed on as it came: every rank reads the same bytes.
    call.send(carrier, right);
    const part = partOf(rank - step);
    carrier = await call.receive(left, part.length);
    part.set(call.valuesOf(carrier, part.length));
  }
}

/** Where a part of so many values begins; parts differ by one value at most. */
export function ringStart(part: number, parts: number, count: number): number {
  return Math.floor((part * count) / parts);
}
