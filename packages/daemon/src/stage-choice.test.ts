import { describe, expect, it } from 'vitest';
import { codecsFor, needCuts, stageRequest } from './stage-choice.js';

const usage = expect.objectContaining({ code: 'CUT_USAGE' });

describe('a split', () => {
  it('has one codec for all cuts or one for each', () => {
    expect(codecsFor(3, ['f16'])).toEqual(['f16', 'f16', 'f16']);
    expect(codecsFor(2, ['raw', 'f16'])).toEqual(['raw', 'f16']);
    expect(() => codecsFor(3, ['raw', 'f16'])).toThrow(usage);
  });

  it('has a cut', () => {
    expect(() => needCuts({ cuts: [] })).toThrow(usage);
  });

  it('is asked for with as many codecs as cuts, and a segment', () => {
    const request = { at: [3, 9], codecs: ['raw', 'f16'], segment: 2 };
    expect(stageRequest.parse(request)).toEqual(request);
    for (const wrong of [{ codecs: ['raw'] }, { segment: 0 }, { at: [] }, { codecs: ['raw', 'zip'] }]) {
      expect(stageRequest.safeParse({ ...request, ...wrong }).success).toBe(false);
    }
  });
});
