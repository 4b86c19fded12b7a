import type { Floats } from '../payload.js';

/** Adds up parts from the first to the last; each sum is rounded to f32. */
export function sumInOrder(parts: readonly Floats[], into: Floats): void {
  const [first, second, ...rest] = parts;
  if (first === undefined) return;
  if (second === undefined) into.set(first);
  else addUp(first, second, into);
  for (const part of rest) addUp(into, part, into);
}

function addUp(a: Floats, b: Floats, into: Floats): void {
  for (let i = 0; i < into.length; i++) into[i] = (a[i] as number) + (b[i] as number);
}
