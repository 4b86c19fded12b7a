import { expect, it } from 'vitest';
import { checkGeneration } from './generation.js';

it('refuses a request of an older generation, and what is none', () => {
  const code = (expected: string) => expect.objectContaining({ code: expected });
  checkGeneration({}, 7);
  checkGeneration({ generation: 7 }, 7);
  checkGeneration({ generation: 8 }, 7);
  checkGeneration({ generation: 0 }, undefined);
  expect(() => checkGeneration({ generation: 6 }, 7)).toThrow(code('CUT_STALE'));
  for (const generation of ['7', -1, 1.5, {}]) {
    expect(() => checkGeneration({ generation }, 7)).toThrow(code('CUT_INPUT'));
  }
});
