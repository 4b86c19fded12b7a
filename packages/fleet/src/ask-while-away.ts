import type { BrokerConnection } from '@cutpoint/control';

/** An outage that is shorter is none of the fleet's: a broker that is restarted. */
const firstMs = 3_000;
const mostMs = 60_000;

/**
 * Asks again and again while the broker is away, first after some seconds and then twice as long after each time: it may be
 * elsewhere by now, or want this device no more.
 */
export function askWhileAway(
  connection: Pick<BrokerConnection, 'connected' | 'onUp' | 'onDown'>,
  ask: () => void,
): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const wait = (ms: number): void => {
    timer = setTimeout(() => {
      ask();
      wait(Math.min(ms * 2, mostMs));
    }, ms);
  };
  const begin = (): void => {
    clearTimeout(timer);
    wait(firstMs);
  };
  connection.onUp(() => clearTimeout(timer));
  connection.onDown(begin);
  if (!connection.connected) begin();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
