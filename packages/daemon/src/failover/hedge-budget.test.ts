import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HedgeBudget } from './hedge-budget.js';

describe('a hedge budget', () => {
  it('lets a burst of second attempts begin, as when a link stops', () => {
    const budget = new HedgeBudget();
    const begun = Array.from({ length: 50 }, () => budget.spend()).filter(Boolean);
    expect(begun).toHaveLength(20);
  });

  it('never lets more begin than the burst and a tenth of all requests', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 2_000 }), (hedges) => {
        const budget = new HedgeBudget();
        let begun = 0;
        for (const hedge of hedges) {
          budget.earn();
          if (hedge && budget.spend()) begun += 1;
        }
        expect(begun).toBeLessThanOrEqual(20 + hedges.length / 10);
      }),
    );
  });
});
