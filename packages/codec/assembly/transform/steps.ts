/** From numbers to steps and back, and the means of channels; defined in src/transform/transform.ts and quantise.ts. */

/** Adds to each number the mean (f32) of its channel times `factor`, which is 1 or -1. */
export function addMeans(numbers: usize, means: usize, channels: i32, positions: i32, factor: f64): void {
  for (let channel = 0; channel < channels; channel++, means += 4) {
    const mean = factor * <f64>load<f32>(means);
    for (const end = numbers + <usize>positions * 8; numbers < end; numbers += 8) {
      store<f64>(numbers, load<f64>(numbers) + mean);
    }
  }
}

/**
 * The nearest steps (i32), halves up.
 * @returns false if one is larger than `most` or not a number; steps behind it are missing then
 */
export function toSteps(numbers: usize, count: i32, perStep: f64, most: f64, steps: usize): bool {
  for (let i = 0; i < count; i++, numbers += 8, steps += 4) {
    const nearest = floor<f64>(load<f64>(numbers) * perStep + 0.5);
    if (!(abs<f64>(nearest) <= most)) return false;
    store<i32>(steps, <i32>nearest);
  }
  return true;
}

export function fromSteps(steps: usize, count: i32, step: f64, numbers: usize): void {
  for (let i = 0; i < count; i++, steps += 4, numbers += 8) store<f64>(numbers, <f64>load<i32>(steps) * step);
}
