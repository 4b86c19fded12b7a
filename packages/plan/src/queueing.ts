import type { PlanDevice } from './problem.js';

/**
 * Mean time that a request waits before a device starts its segment, in ms; undefined if the device cannot keep up.
 *
 * - `arrivalHz` known (open loop): `sharedBy` chains alike send at random, each at that rate, so the device is an M/D/1 queue
 *   (Pollaczek and Khinchine; L. Kleinrock, Queueing Systems 1, 1975, section 5.6): `rho * S / (2 * (1 - rho))`.
 * - Unknown (closed loop): each of the other chains has at most one request under way, so at most `sharedBy - 1` segments lie
 *   ahead. The wait also depends on what the chains do elsewhere; taken is the mean for requests that come all at once,
 *   `(sharedBy - 1) * S / 2`, half of the worst case. Alone, a chain does not wait.
 */
export function waitMs(device: Pick<PlanDevice, 'sharedBy' | 'arrivalHz'>, serviceMs: number): number | undefined {
  if (device.arrivalHz === undefined) return ((device.sharedBy - 1) * serviceMs) / 2;
  const utilisation = (device.sharedBy * device.arrivalHz * serviceMs) / 1000;
  if (utilisation >= 1) return undefined;
  return (utilisation * serviceMs) / (2 * (1 - utilisation));
}
