import { type DeviceId, deviceId } from '@cutpoint/control/client';
import { describe, expect, it } from 'vitest';
import { laddersOf, type Placement } from './ladders.js';

const names = (...all: string[]): DeviceId[] => all.map((name) => deviceId.parse(name));
const place = (given: Partial<Placement>) =>
  laddersOf({ at: [], on: [], codecs: ['raw'], localFallback: false, spares: [], ...given });
/** `12>gpu` for each rung: its cuts and the devices behind the first. */
const shortly = (given: Partial<Placement>) =>
  place(given).map(({ device, ladder }) => [device, ...ladder.map(({ at, chain }) => `${at}>${chain}`)]);

describe('laddersOf', () => {
  it('puts a chain on devices, with one codec for all cuts or one for each', () => {
    const [ladder] = place({ at: [3, 12], on: [names('pi', 'box', 'srv')], codecs: ['f16'] });
    expect(ladder).toEqual({
      device: 'pi',
      ladder: [{ at: [3, 12], codecs: ['f16', 'f16'], chain: ['box', 'srv'] }],
    });
    expect(place({ on: [names('srv')] })).toEqual([{ device: 'srv', ladder: [{ at: [], codecs: [], chain: [] }] }]);
  });

  it('has a ladder for each device where requests begin', () => {
    const on = [names('pi-1', 'srv'), names('pi-2', 'srv')];
    expect(shortly({ at: [4], on, localFallback: true })).toEqual([
      ['pi-1', '4>srv', '>'],
      ['pi-2', '4>srv', '>'],
    ]);
  });

  it('tries spares right after the way that they stand in for, and the device alone last', () => {
    const on = [names('pi', 'box', 'srv')];
    expect(shortly({ at: [3, 12], on, spares: names('gpu', 'old'), localFallback: true })).toEqual([
      ['pi', '3,12>box,srv', '3,12>box,gpu', '3,12>box,old', '>'],
    ]);
  });

  it('takes the ways of a plan, with spares for its server only, and no second way alone', () => {
    const way = (cut: number, server: string) => ({ devices: ['pi', server], cuts: [cut], codecs: ['raw'] });
    const alone = { device: 'pi', devices: ['pi'], cuts: [], codecs: [] };
    const plan = { pick: way(5, 'srv'), front: [way(7, 'srv'), way(5, 'gpu')], baselines: [alone] };
    expect(shortly({ plan, spares: names('gpu'), localFallback: true })).toEqual([
      ['pi', '5>srv', '5>gpu', '7>srv', '7>gpu', '>'],
    ]);
  });

  it.each<[string, Partial<Placement>, string]>([
    ['too few devices', { at: [3, 12], on: [names('pi', 'srv')] }, 'cuts: 3, not 2'],
    ['devices for no cut', { on: [names('pi', 'srv')] }, 'cuts: 1, not 2'],
    ['two ladders', { at: [3], on: [names('pi', 'srv'), names('pi', 'gpu')] }, 'begin at pi twice'],
    ['a spare with a part', { at: [3], on: [names('pi', 'srv')], spares: names('srv') }, 'srv is no spare'],
    ['a spare that asks itself', { at: [3], on: [names('pi', 'srv')], spares: names('pi') }, 'pi is no spare'],
    ['a spare for nobody', { on: [names('pi')], spares: names('srv') }, 'no other device takes part'],
    ['codecs for other cuts', { at: [3], on: [names('pi', 'srv')], codecs: ['raw', 'raw'] }, '2 codecs for 1 cuts'],
    [
      'more ways than a ladder has',
      { at: [3], on: [names('pi', 'srv')], spares: names(...Array.from({ length: 16 }, (_, i) => `d${i}`)) },
      'at most 16',
    ],
  ])('refuses %s', (_, given, words) => {
    expect(() => place(given)).toThrow(
      expect.objectContaining({ code: 'CUT_USAGE', message: expect.stringContaining(words) }),
    );
  });
});
