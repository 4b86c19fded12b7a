import { calibrateTransform } from '@cutpoint/codec';
import type { PlanCodec, PlanProblem } from '@cutpoint/plan';
import { describe, expect, it } from 'vitest';
import { withRunnableCodecs } from './runnable-codecs.js';

const codec = (id: string): PlanCodec => ({
  id,
  bytes: () => 1,
  encodeMs: () => 0,
  decodeMs: () => 0,
  accuracyLoss: () => 0,
});
const problemWith = (...ids: string[]): PlanProblem => ({
  cuts: 2,
  devices: [],
  links: [],
  answerBytes: [0, 0],
  codecs: ids.map(codec),
});

describe('a problem whose plans are run', () => {
  it('has no codecs that devices cannot use, and says which those were', () => {
    const { problem, note } = withRunnableCodecs(
      problemWith('raw', 'affine:bits=4,per=token+rans', 'image:format=webp,quality=90', 'transform:table=x'),
    );
    expect(problem.codecs.map(({ id }) => id)).toEqual(['raw', 'affine:bits=4,per=token+rans']);
    expect(note).toContain('image:format=webp,quality=90 transform:table=x');
  });

  it('has transforms whose tables are there', () => {
    const geometry = { kind: 'sequence', channels: 2 } as const;
    const place = { modelHash: 'a'.repeat(64), cut: 1, tensor: 'x', geometry, relativeStep: 0.5 };
    const table = calibrateTransform(() => [Float32Array.of(1, 2, 3, 5)], place);
    const { problem, note } = withRunnableCodecs(
      problemWith('transform:table=here', 'transform:table=elsewhere'),
      new Map([['here', table]]),
    );
    expect(problem.codecs.map(({ id }) => id)).toEqual(['transform:table=here']);
    expect(note).toContain('left out here: transform:table=elsewhere.');
  });

  it('says nothing where all can be used', () => {
    expect(withRunnableCodecs(problemWith('raw', 'f16')).note).toBeUndefined();
  });
});
