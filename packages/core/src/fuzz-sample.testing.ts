import { describe, expect, it } from 'vitest';
import { type FuzzKind, fuzz, sharesOf } from './fuzzing.testing.js';

/** The seed of the sample; `npm run fuzz` takes any other. */
const seed = 1;

/** Makes a test of each kind: so many inputs in all, of which none may break a rule. */
export function itWithstands(kinds: readonly FuzzKind[], total: number): void {
  describe('what others send', () => {
    for (const { kind, count } of sharesOf(kinds, total)) {
      it(`${kind.name}: withstands ${count} changed inputs`, { timeout: 240_000 }, async () => {
        const { outcomes } = await fuzz(kind, { seed, count });
        // Inputs that are all refused, or all taken, would reach nothing.
        expect(outcomes.taken).toBeGreaterThan(count / 100);
        expect(outcomes.taken).toBeLessThan(count);
      });
    }
  });
}
