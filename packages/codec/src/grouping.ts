import { elementCount } from '@cutpoint/core';
import type { Grouping } from './kernels/kernels.js';

/** What is quantised together. */
export const groupings = ['tensor', 'channel', 'token', 'position'] as const;
export type GroupingName = (typeof groupings)[number];

/**
 * The groups of a tensor. Of rank 4 or more it is a map: batch, channels, then positions. Of rank 2 or 3 it is a sequence:
 * the last axis holds the features (channels) of a token. `token` is a position of a map or a token of a sequence, and so
 * is `position`. Lower ranks are one group; without elements there is none.
 */
export function groupingOf(shape: readonly number[], per: GroupingName): Grouping {
  const elements = elementCount(shape);
  if (elements === 0) return { outer: 0, length: 0, inner: 1 };
  if (per === 'tensor' || shape.length < 2) return { outer: 1, length: elements, inner: 1 };
  const [first = 1, second = 1] = shape;
  if (shape.length >= 4) {
    const positions = elements / (first * second);
    return per === 'channel'
      ? { outer: first * second, length: positions, inner: 1 }
      : { outer: first, length: second, inner: positions };
  }
  const features = shape.at(-1) ?? 1;
  if (per !== 'channel') return { outer: elements / features, length: features, inner: 1 };
  const batch = shape.length === 3 ? first : 1;
  return { outer: batch, length: elements / features / batch, inner: features };
}

/** How far before each element the one above it lies: the row of a map before its own, the token of a sequence before its own. */
export function rowLength(shape: readonly number[]): number {
  return Math.max(1, shape.length < 2 ? 1 : (shape.at(-1) ?? 1));
}
