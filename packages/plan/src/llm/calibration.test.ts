import { describe, expect, it } from 'vitest';
import { type LlmCalibration, parseLlmCalibration } from './calibration.js';
import { requireLlmFront } from './infeasible.js';
import { llmProblemOf } from './problem-of.js';
import { tinyProblem } from './tiny.testing.js';

const { model, agent, remote, splits, chunkTokens, frameBytes } = tinyProblem;
const serverSide = remote?.side ?? agent;

const calibration = JSON.parse(
  JSON.stringify({
    format: 'cutpoint-llm-calibration',
    version: 3,
    model: { name: 'tiny', hash: 'a'.repeat(64), ...model },
    text: { name: 'val.txt', scoredTokens: 20_017, windowTokens: 256 },
    measuredAt: '2025-01-01T00:00:00Z',
    chunkTokens,
    frameBytes,
    splits: [...splits, { ...splits[1], answerCodec: 'f16', downBytes: 512 }],
    devices: [agent, serverSide].map((side) => ({
      ...side,
      device: {
        name: side.id,
        os: 'Linux',
        arch: 'x64',
        cpu: 'some',
        cores: 2,
        memoryBytes: 1e9,
        instructionSets: ['avx2'],
        providers: ['cpu'],
        power: { source: 'stated', idleW: 1, busyW: 2, networkW: 1 },
      },
      runtime: { name: 'onnxruntime', version: '1.30.0', threads: 1 },
      measuredAt: '2025-01-01T00:00:00Z',
    })),
  }),
) as LlmCalibration;

const sources = {
  calibration: parseLlmCalibration(calibration),
  agent: 'agent',
  remote: {
    side: 'server',
    link: remote?.link ?? { id: '', up: { fixedMs: 0, bytesPerS: 1 }, down: { fixedMs: 0, bytesPerS: 1 } },
  },
  promptTokens: 4,
  lengthTokens: 8,
};

describe('a calibration of a language model', () => {
  it('is enough to plan with', () => {
    const front = requireLlmFront(llmProblemOf(sources));
    expect(front.points.length).toBeGreaterThan(2);
    expect(front.skipped).toEqual([]);
  });

  it('allows private plans alone, in which the server sees no token', () => {
    const plans = requireLlmFront(llmProblemOf({ ...sources, private: true })).points.flatMap((point) => point.plans);
    expect(new Set(plans.map(({ cut, answerCodec }) => `${cut} ${answerCodec}`))).toEqual(new Set(['1 f16', '2 null']));
  });

  it('knows only its own devices by name', () => {
    expect(() => llmProblemOf({ ...sources, agent: 'phone' })).toThrow(/no device "phone"; it has agent, server/);
  });

  const [first, second] = calibration.splits;
  it.each<[string, object, RegExp]>([
    ['another format', { format: 'x' }, /format is "x", but must be/],
    ['a key that means nothing', { more: 1 }, /"more", which means nothing/],
    ['a negative size', { frameBytes: { up: -1, down: 0 } }, /frameBytes\.up is -1, but must be at least 0/],
    ['a codec that is no spec', { splits: [{ ...second, codec: 'a b' }] }, /splits\[0\]\.codec/],
    ['a cut that is not there', { splits: [{ ...second, cut: 3 }] }, /has cut 3 of 2 layers/],
    ['a split twice', { splits: [second, second] }, /splits\[1\] is there twice/],
    ['no codec for what crosses', { splits: [{ ...second, codec: null }] }, /has no codec for what crosses/],
    ['no width for what the agent holds', { splits: [{ ...second, frontWidth: null }] }, /has no frontWidth/],
    ['a width for nothing', { splits: [{ ...first, frontWidth: '4' }] }, /nothing on the agent/],
    ['no width for what the server holds', { splits: [{ ...second, backWidth: null }] }, /has no backWidth/],
    ['a codec where nothing crosses', { splits: [{ ...second, cut: 2, backWidth: null }] }, /but nothing crosses/],
    ['tokens sent in private', { splits: [{ ...first, answerCodec: 'f16', frontWidth: '4' }] }, /it needs a codec/],
    ['a device twice', { devices: [calibration.devices[0], calibration.devices[0]] }, /the same id/],
  ])('is refused with %s', (_, changes, message) => {
    const parse = () => parseLlmCalibration({ ...calibration, ...changes });
    expect(parse).toThrow(expect.objectContaining({ code: 'CUT_CALIBRATION' }));
    expect(parse).toThrow(message);
  });
});
