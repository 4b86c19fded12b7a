import type { Floats } from '../payload.js';
import type { ReduceCall } from './reduce-call.js';
import { sumInOrder } from './sum.js';

/** All send to rank 0, which adds up by rank and sends the sum back: two hops. */
export async function star(call: ReduceCall, values: Floats): Promise<void> {
  const others = Array.from({ length: call.ranks - 1 }, (_, i) => i + 1);
  if (call.rank > 0) {
    call.send(call.carry(values), 0);
    const sum = await call.receive(0, values.length);
    values.set(call.valuesOf(sum, values.length));
    return;
  }
  const carriers = await Promise.all(others.map((rank) => call.receive(rank, values.length)));
  sumInOrder([values, ...carriers.map((carrier) => call.valuesOf(carrier, values.length))], values);
  const sum = call.carry(values);
  for (const rank of others) call.send(sum, rank);
  values.set(call.valuesOf(sum, values.length));
}
