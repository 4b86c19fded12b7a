import { expect, it } from 'vitest';
import { choicesText } from './choices.js';

it('shows control characters of a file in the cache, colours too, instead of obeying them', () => {
  const choice = {
    what: 'model\u001b[8m hidden\u001b]0;title\u0007',
    provider: 'cpu' as const,
    trials: [],
    measuredAt: '2026-01-02T03:04\u001b',
  };
  const text = choicesText([choice], false);
  expect(text).toContain('model?[8m hidden?]0;title?');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is the character to look for.
  expect(text).not.toMatch(/\u001b/);
});
