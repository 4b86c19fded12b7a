import type { Floats } from '../payload.js';
import type { ReduceCall } from './reduce-call.js';
import { sumInOrder } from './sum.js';

/** Each sends its values to all others, and adds up by rank: one hop. */
export async function mesh(call: ReduceCall, values: Floats): Promise<void> {
  const own = call.carry(values);
  const ranks = Array.from({ length: call.ranks }, (_, rank) => rank);
  for (const rank of ranks) if (rank !== call.rank) call.send(own, rank);
  const carriers = await Promise.all(
    ranks.map((rank) => (rank === call.rank ? own : call.receive(rank, values.length))),
  );
  sumInOrder(
    carriers.map((carrier) => call.valuesOf(carrier, values.length)),
    values,
  );
}
