import type { PlanProblem } from './problem.js';

/** Something about the world that could be otherwise. */
export type Change =
  | { readonly kind: 'link-rate'; readonly id: string }
  | { readonly kind: 'link-delay'; readonly id: string }
  | { readonly kind: 'device-speed'; readonly id: string };

/**
 * The problem with the times of one thing multiplied by `factor`, in both directions of a link. A link that consists of several
 * is changed as a whole. Delays of 0 stay 0.
 */
export function changed(problem: PlanProblem, { kind, id }: Change, factor: number): PlanProblem {
  if (kind === 'device-speed') {
    const devices = problem.devices.map((device) => {
      if (device.id !== id) return device;
      const segmentMs = (from: number, to: number) => {
        const ms = device.segmentMs(from, to);
        return ms === undefined ? undefined : ms * factor;
      };
      return { ...device, segmentMs, memoryBytes: (from: number, to: number) => device.memoryBytes(from, to) };
    });
    return { ...problem, devices };
  }
  const direction = ({ fixedMs, bytesPerS }: { fixedMs: number; bytesPerS: number }) =>
    kind === 'link-rate' ? { fixedMs, bytesPerS: bytesPerS / factor } : { fixedMs: fixedMs * factor, bytesPerS };
  const links = problem.links.map((row) =>
    row.map((link) => (link?.id === id ? { id, up: direction(link.up), down: direction(link.down) } : link)),
  );
  return { ...problem, links };
}

/** What the change is about now, and in which unit: bytes per second up, milliseconds up, or 1 times the device's time. */
export function valueNow(problem: PlanProblem, { kind, id }: Change): { value: number; unit: string } {
  const link = problem.links.flat().find((candidate) => candidate?.id === id);
  if (kind === 'link-rate') return { value: ((link?.up.bytesPerS ?? 0) * 8) / 1e6, unit: 'Mbit/s' };
  if (kind === 'link-delay') return { value: link?.up.fixedMs ?? 0, unit: 'ms one way' };
  return { value: 1, unit: 'x its time' };
}
